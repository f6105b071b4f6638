// Connects the controls of the page to the plot. All data come from the JSON block "explorer-data".
"use strict";
(async () => {
  const { item, sheet, planes, colorings } = JSON.parse(document.getElementById("explorer-data").textContent);
  // The tooltip lives in a shadow tree, into which a custom property reaches. Of a data URI in place of the blob
  // browsers take two megabytes there, and show nothing of a longer one.
  const file = new Blob([Uint8Array.from(atob(sheet), (byte) => byte.charCodeAt(0))], { type: "image/png" });
  document.documentElement.style.setProperty("--explorer-sheet", `url("${URL.createObjectURL(file)}")`);
  await Bokeh.embed.embed_item(item, "explorer-plot");
  const doc = Bokeh.documents.at(-1);
  const model = (name) => doc.get_model_by_name(name);
  const plot = model("plot");
  const points = model("points");
  const corners = model("corners");
  const shown = model("shown");
  // On a phone the legends go below the plot, which has no room beside it.
  if (matchMedia("(max-width: 40rem)").matches) {
    const legends = plot.right.filter((part) => part.type === "Legend");
    const right = plot.right.filter((part) => part.type !== "Legend" && part.type !== "ColorBar");
    for (const legend of legends) legend.setv({ orientation: "horizontal", ncols: 4, title: "" });
    plot.setv({ right, below: [...plot.below, ...legends] }); // at once: a legend is never without a place
    plot.min_border_right = 0;
    plot.toolbar_location = null;
  }
  const control = (name) => document.getElementById(`explorer-${name}`);
  const groups = Object.fromEntries(
    colorings.map(({ key }) => [key, (model(`${key}-legend`)?.items ?? []).map((entry) => entry.renderers[0])]),
  );

  function replace(source, columns) {
    const kept = source.columns().map((name) => [name, source.get_column(name)]);
    const changed = Object.entries(columns).map(([to, from]) => [to, source.get_column(from)]);
    source.data = Object.fromEntries([...kept, ...changed]);
  }

  function choosePlane() {
    const plane = Number(control("plane").value);
    for (const source of [points, corners]) replace(source, { x: `x${plane}`, y: `y${plane}` });
    const labels = planes[plane].labels;
    for (const [i, name] of ["x-axis", "y-axis"].entries()) {
      model(name).axis_label = labels?.[i] ?? "";
      model(name).visible = labels != null;
    }
    for (const grid of plot.center.filter((part) => part.type === "Grid")) grid.visible = labels != null;
    plot.reset.emit(); // leave the section that was zoomed into: it means nothing in another plane
  }

  function chooseColor() {
    const chosen = control("color").value;
    replace(points, { color: `${chosen}-color`, marker: `${chosen}-marker` });
    for (const { key } of colorings) model(`${key}-legend`).visible = key === chosen;
    updateButtons();
  }

  // A group hidden in one legend stays hidden when the colors change: the classes within a cluster can be seen.
  function filter() {
    const hidden = Object.entries(groups).flatMap(([key, dots]) => {
      const numbers = dots.filter((dot) => !dot.visible).map((dot) => Number(dot.name.split(" ")[1]));
      return numbers.length > 0 ? [[points.get_column(`${key}-group`), new Set(numbers)]] : [];
    });
    const count = points.get_column("x").length;
    shown.booleans = Array.from({ length: count }, (_, i) => !hidden.some(([of, out]) => out.has(of[i])));
    updateButtons();
  }

  function updateButtons() {
    const all = Object.values(groups).flat();
    const own = groups[control("color").value];
    control("show").disabled = all.every((dot) => dot.visible);
    control("hide").disabled = own.every((dot) => !dot.visible);
  }

  const options = (names) => names.map(([value, name]) => new Option(name, value));
  control("plane").replaceChildren(...options(planes.map(({ name }, i) => [i, name])));
  control("plane").parentElement.hidden = planes.length < 2;
  control("color").replaceChildren(...options(colorings.map(({ key, name }) => [key, name])));
  control("plane").addEventListener("change", choosePlane);
  control("color").addEventListener("change", chooseColor);
  for (const dot of Object.values(groups).flat()) dot.connect(dot.properties.visible.change, filter);
  const setAll = (dots, visible) => dots.forEach((dot) => { dot.visible = visible; });
  control("show").addEventListener("click", () => setAll(Object.values(groups).flat(), true));
  control("hide").addEventListener("click", () => setAll(groups[control("color").value], false));
  updateButtons();
  control("controls").hidden = false;
})();
