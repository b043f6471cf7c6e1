"""Scripts that find what a reader could not see or hear in a page."""

# The lowest contrast of visible texts with what is behind them, and the text that has it. Behind a
# text of a drawing are the shapes that were drawn before it.
CONTRAST = """
const parse = (text) => {
  const numbers = text.match(/[-\\d.]+/g).map(Number);
  const scale = text.startsWith("color(") ? 255 : 1;
  const [red, green, blue, alpha = 1] = numbers;
  return { rgb: [red, green, blue].map((part) => part * scale), alpha };
};
const over = ({ rgb, alpha }, below) => rgb.map((part, k) => part * alpha + below[k] * (1 - alpha));
const luminance = (rgb) => {
  const linear = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const background = (element) => {
  if (element === null) return [255, 255, 255];
  const own = parse(getComputedStyle(element).backgroundColor);
  return own.alpha === 1 ? own.rgb : over(own, background(element.parentElement));
};
const FILLED = "rect, circle, polygon, path";
const inDrawing = (element) => {
  const drawing = element.ownerSVGElement;
  const box = element.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  return Array.from(drawing.querySelectorAll(FILLED)).reduce((below, shape) => {
    const style = getComputedStyle(shape);
    const area = shape.getBoundingClientRect();
    const after = shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
    const covers = area.left <= x && x <= area.right && area.top <= y && y <= area.bottom;
    if (!after || !covers || style.fill === "none") return below;
    const { rgb, alpha } = parse(style.fill);
    return over({ rgb, alpha: alpha * style.opacity * style.fillOpacity }, below);
  }, background(drawing));
};
let lowest = [Infinity, ""];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.data.trim();
  if (text === "" || !element.checkVisibility() || element.closest(".spoken")) continue;
  const style = getComputedStyle(element);
  const drawn = element.namespaceURI.endsWith("svg");
  const behind = drawn ? inDrawing(element) : background(element);
  const ink = parse(drawn ? style.fill : style.color);
  const [high, low] = [luminance(over(ink, behind)), luminance(behind)].sort((a, b) => b - a);
  const ratio = (high + 0.05) / (low + 0.05);
  const name = `${element.tagName}.${element.getAttribute("class")}`;
  if (ratio < lowest[0]) lowest = [ratio, `${name}: ${text}`];
}
return lowest;
"""
# Controls and drawings without a name for screen readers.
UNNAMED = """
const controls = "button, input, select, textarea, [role=slider], svg:not([aria-hidden])";
return Array.from(document.querySelectorAll(controls))
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.getAttribute("aria-label") || each.labels?.length || each.textContent))
  .map((each) => each.outerHTML.slice(0, 100));
"""
