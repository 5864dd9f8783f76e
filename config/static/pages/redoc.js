// Blocks images from other hosts: ReDoc's menu ends with a logo on one.
const image = HTMLImageElement.prototype;
const source = Object.getOwnPropertyDescriptor(image, "src");

Object.defineProperty(image, "src", {
  ...source,
  set(url) {
    const host = new URL(url, document.baseURI).host; // none for data:
    if (host === "" || host === location.host) {
      source.set.call(this, url);
    } else {
      queueMicrotask(() => this.dispatchEvent(new Event("error")));
    }
  },
});

image.setAttribute = function (name, value) {
  if (name === "src") {
    this.src = value;
  } else {
    Element.prototype.setAttribute.call(this, name, value);
  }
};
