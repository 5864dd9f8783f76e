// ReDoc's menu ends with a logo that it would fetch from another host. Here it stays without one.
const setAttribute = HTMLImageElement.prototype.setAttribute;
HTMLImageElement.prototype.setAttribute = function (name, value) {
  const isForeign = name === "src" && new URL(value, document.baseURI).host !== location.host && !value.startsWith("data:");
  if (isForeign) {
    this.hidden = true;
  } else {
    setAttribute.call(this, name, value);
  }
};
