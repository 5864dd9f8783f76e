// ReDoc shows a logo that it fetches from its maker's host. This page fetches nothing from anywhere else.
const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
const isForeign = (url) => /^(https?:)?\/\//.test(url);
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...source,
  set(url) {
    if (!isForeign(url)) source.set.call(this, url);
  },
});
const setAttribute = HTMLImageElement.prototype.setAttribute;
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || !isForeign(value)) setAttribute.call(this, name, value);
};
