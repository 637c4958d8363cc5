"use strict";
// The list of the page: only blocks near the window are in the document, and each picture is taken
// out of its packed text when it is shown for the first time.
(() => {
  const data = JSON.parse(document.getElementById("entries").textContent);
  const packs = [...document.querySelectorAll("script.pack")];
  const list = document.getElementById("list");
  const controls = document.getElementById("controls");
  const BLOCK = 12; // entries; fills whole rows of 1, 2, 3, 4 and 6 columns
  const MOST_PRINTED = 600;
  const SVG = "http://www.w3.org/2000/svg";
  let shown = [];
  let blockHeight = 900;

  // Packs that were read, the latest last: a picture is 240 pixels wide, a pack holds a hundred.
  const unpacked = new Map();
  function pictureOf(file) {
    const pack = Math.floor(file / data.perPack);
    if (!unpacked.has(pack)) {
      if (unpacked.size >= 40) unpacked.delete(unpacked.keys().next().value);
      unpacked.set(pack, JSON.parse(packs[pack].textContent));
    }
    return unpacked.get(pack)[file % data.perPack];
  }

  function element(name, kind, text) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function outlines(regions) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 1000 1000");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    for (const [counts, ...corners] of regions) {
      for (const kind of counts ? ["halo", "outline"] : ["outline small"]) {
        const polygon = document.createElementNS(SVG, "polygon");
        polygon.setAttribute("points", corners.join(" "));
        polygon.setAttribute("class", kind);
        svg.append(polygon);
      }
    }
    return svg;
  }

  function figure([file, role, outlined, own], title) {
    const [name, detail] = data.files[file];
    const [webp, width, height, problem, regions] = pictureOf(file);
    const made = element("figure");
    const frame = element("div", "frame");
    frame.style.aspectRatio = webp ? `${width} / ${height}` : "16 / 9";
    if (webp) {
      const image = new Image();
      image.alt = `${role}: ${name}`;
      image.src = `data:image/webp;base64,${webp}`;
      frame.append(image);
      if (outlined && regions) frame.append(outlines(regions));
    } else {
      frame.classList.add("missing");
      frame.textContent = `cannot be shown: ${problem}`;
    }
    const caption = element("figcaption");
    for (const [kind, text] of [
      ["role", role],
      ["name", name === role || file === title ? "" : name],
      ["detail", own ?? detail],
    ]) {
      if (!text) continue;
      const line = element("span", kind, text);
      line.title = text;
      caption.append(line);
    }
    made.append(frame, caption);
    return made;
  }

  function card(entry) {
    const kind = data.kinds[entry.kind];
    const made = element("article", "card");
    const title = element("h3", "", entry.heading ?? data.files[entry.title][0]);
    title.title = title.textContent;
    const facts = element("p", "facts");
    facts.append(element("span", kind.good ? "badge good" : "badge", kind.name));
    for (const [tone, text] of entry.notes ?? []) facts.append(element("span", `badge ${tone}`, text));
    facts.append(entry.facts);
    made.append(title, facts);
    if (entry.pictures.length) {
      const pictures = element("div", "pictures");
      // The caption of the first need not repeat the title.
      pictures.append(...entry.pictures.map((picture, i) => figure(picture, i ? undefined : entry.title)));
      made.append(pictures);
    }
    return made;
  }

  function fill(block) {
    if (block.firstChild) return;
    const first = Number(block.dataset.first);
    block.append(...shown.slice(first, first + BLOCK).map((i) => card(data.entries[i])));
    block.style.height = "";
    if (first + BLOCK <= shown.length) blockHeight = block.offsetHeight;
  }

  function empty(block) {
    if (!block.firstChild) return;
    block.style.height = `${block.offsetHeight}px`;
    block.replaceChildren();
  }

  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) (isIntersecting ? fill : empty)(target);
    },
    { rootMargin: "1200px 0px" },
  );

  function show() {
    const { kind, group, margin, order } = controls.elements;
    const most = margin ? Number(margin.value || Infinity) : Infinity;
    shown = [...data.entries.keys()].filter((i) => {
      const entry = data.entries[i];
      return (
        (!kind || kind.value === "" || entry.kind === Number(kind.value)) &&
        (!group || group.value === "" || entry.group === Number(group.value)) &&
        (most === Infinity || (entry.margin !== null && entry.margin <= most))
      );
    });
    if (order && order.value === "margin") {
      const far = (i) => data.entries[i].margin ?? Infinity;
      // Infinity - Infinity is no number; the sort is stable, so equal ones stay in order.
      shown.sort((a, b) => (far(a) < far(b) ? -1 : far(a) > far(b) ? 1 : 0));
    }
    watcher.disconnect();
    const blocks = [];
    for (let first = 0; first < shown.length; first += BLOCK) {
      const block = element("div", "block");
      block.dataset.first = first;
      blocks.push(block);
    }
    list.replaceChildren(...(blocks.length ? blocks.slice(0, 1) : [element("p", "empty", "Nothing to show.")]));
    if (blocks.length > 1) fill(blocks[0]); // says how high the others will be
    for (const block of blocks.slice(1)) block.style.height = `${blockHeight}px`;
    list.append(...blocks.slice(1));
    blocks.forEach((block) => watcher.observe(block));
    controls.elements.count.value =
      `${shown.length.toLocaleString("en")} of ${data.entries.length.toLocaleString("en")}`;
  }

  controls.addEventListener("change", (event) => {
    if (event.target.name === "outlines") {
      document.body.classList.toggle("plain", !event.target.checked);
      return;
    }
    show();
    // What was chosen may be shorter than where the window is.
    const top = list.getBoundingClientRect().top - controls.offsetHeight;
    if (top < 0) window.scrollBy(0, top);
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("button[data-group]")) {
    button.addEventListener("click", () => {
      controls.elements.group.value = button.dataset.group;
      controls.elements.group.dispatchEvent(new Event("change", { bubbles: true }));
      controls.scrollIntoView();
      controls.elements.group.focus({ preventScroll: true });
    });
  }
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    const filled = [...list.children].find((block) => block.children.length === BLOCK);
    if (filled) blockHeight = filled.offsetHeight;
    for (const block of list.children) {
      if (!block.firstChild) block.style.height = `${blockHeight}px`;
    }
  });
  window.addEventListener("beforeprint", () => {
    watcher.disconnect();
    for (const block of list.children) {
      if (Number(block.dataset.first) < MOST_PRINTED) fill(block);
      else block.hidden = true;
    }
  });
  window.addEventListener("afterprint", show);
  show();
})();
