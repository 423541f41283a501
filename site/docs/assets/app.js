/* Filters, sort, search and export over tables that are complete without this script.
   No library but MiniSearch (assets/vendor), fetched when somebody starts to type. */
(() => {
  "use strict";
  const root = new URL("../", document.currentScript.src);
  const at = (path) => new URL(path, root);
  const json = (path) => fetch(at(path)).then((r) => { if (!r.ok) throw new Error(`${path}: ${r.status}`); return r.json(); });
  const make = (tag, props, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const CHUNK = 10; // rows of a tbody: on a phone the style sheet lays out only those in sight
  const listed = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);
  const fill = (table, rows) => {
    const old = [...table.tBodies];
    for (let i = 0; i < rows.length; i += CHUNK) {
      const body = make("tbody", {}, ...rows.slice(i, i + CHUNK));
      body.style.setProperty("--n", body.rows.length);
      table.append(body);
    }
    for (const body of old) body.remove();
  };
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // ------------------------------------------------------------------ search, shared by two pages
  let engine;
  const search = () => engine ??= (async () => {
    const library = new Promise((ok, bad) => document.head.append(
      make("script", { src: at("assets/vendor/minisearch.js"), onload: ok, onerror: bad })));
    const [items] = await Promise.all([json("assets/data/search.json"), library]);
    const mini = new MiniSearch({
      idField: "u", fields: ["t", "w", "s"], storeFields: ["u", "k", "t", "s"],
      processTerm: (term) => fold(term) || null,
      searchOptions: {
        boost: { t: 3, s: 8 }, combineWith: "AND", prefix: true,
        fuzzy: (term) => (term.length > 5 && !/\d/.test(term) ? 0.15 : false),
      },
    });
    mini.addAll(items);
    return mini;
  })().catch((error) => { engine = undefined; throw error; }); // the next word typed tries again

  // A title or short name that is exactly what was typed comes first.
  const first = (text) => {
    const same = (name) => name && fold(name) === fold(text.trim());
    return { boostDocument: (_, __, item) => (same(item.s) || same(item.t) ? 6 : 1) };
  };

  // ------------------------------------------------------------------------------ faceted table
  async function table(box) {
    const node = box.querySelector("#rows");
    const form = box.querySelector(".fp");
    const find = box.querySelector("[name=find]");
    const sort = box.querySelector("[name=sort]");
    const count = box.querySelector(".count");
    const chips = box.querySelector(".chips");
    const noun = box.dataset.noun;
    const wide = matchMedia("(min-width: 60em)");
    if (wide.matches) form.querySelector(".fp-all").open = true;
    // The table is complete as served; what is needed to narrow it grows with the registry, so it is
    // fetched when somebody reaches for a filter, or came with one in the address.
    let data, size, place, rows, own, loading;
    const inputs = new Map();
    const load = () => loading ??= (async () => {
      data = await json(new URL(box.dataset.table, location).href);
      size = data.ids.length;
      place = new Map(data.ids.map((id, i) => [id, i]));
      rows = new Array(size).fill(null);
      own = listed(node).map((tr) => { const i = place.get(tr.id); rows[i] = tr; return i; });
      for (const facet of data.facets) {
        facet.at = new Map(facet.values.map((v, i) => [v, i]));
        facet.rows = facet.rows.map((r) => (Array.isArray(r) ? r : [r]));
      }
      for (const input of form.elements) if (input.type === "checkbox") inputs.set(`${input.name}=${input.value}`, input);
    })().catch((error) => { loading = undefined; throw error; });
    const plain = sort.options[0].value;
    // Offered while something is typed, and then the order unless the reader chose another.
    const relevance = make("option", { value: "relevance", textContent: "Relevance" });
    let state, limit, turn = 0, shown = [];

    function read() {
      const params = new URLSearchParams(location.search);
      state = { find: params.get("find") || "", sort: params.get("sort") || "", on: new Map() };
      if (state.sort === "relevance" || ![...sort.options].some((o) => o.value === state.sort)) state.sort = "";
      for (const facet of data.facets) {
        const on = params.getAll(facet.key).filter((v) => facet.at.has(v));
        if (on.length) state.on.set(facet.key, new Set(on));
      }
      limit = step();
    }
    // Rows of a filtered table of several parts may lie in all of them: fewer at a time.
    const step = () => (data.parts.length > 1 && (state.find || state.on.size || state.sort) ? 100 : data.part);
    function write() {
      const params = new URLSearchParams();
      if (state.find) params.set("find", state.find);
      for (const facet of data.facets) for (const v of state.on.get(facet.key) || []) params.append(facet.key, v);
      if (state.sort && (state.find.trim() || state.sort !== plain)) params.set("sort", state.sort);
      const text = params.toString();
      history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
    }
    async function need(wanted) {
      const parts = new Set(wanted.filter((i) => !rows[i]).map((i) => Math.floor(i / data.part)));
      await Promise.all([...parts].map(async (part) => {
        const page = at(data.parts[part]);
        const doc = new DOMParser().parseFromString(await (await fetch(page)).text(), "text/html");
        for (const tr of doc.querySelectorAll("#rows tbody tr")) {
          for (const a of tr.querySelectorAll("a[href]")) a.href = new URL(a.getAttribute("href"), page);
          rows[place.get(tr.id)] ??= document.adoptNode(tr);
        }
      }));
    }
    async function show() {
      const mine = ++turn;
      const fails = new Uint8Array(size);
      let hits = null;
      if (state.find.trim()) {
        const mini = await search();
        if (mine !== turn) return;
        hits = new Map(mini.search(state.find, { ...first(state.find), filter: (r) => r.k === box.dataset.kind }).map((r) => [place.get(r.u.split("/")[1]), r.score]));
        for (let i = 0; i < size; i++) if (!hits.has(i)) fails[i]++;
      }
      const missed = new Map();
      for (const facet of data.facets) {
        const on = state.on.get(facet.key);
        if (!on) continue;
        const wanted = new Set([...on].map((v) => facet.at.get(v)));
        const miss = facet.rows.map((r) => !r.some((v) => wanted.has(v)));
        missed.set(facet.key, miss);
        miss.forEach((m, i) => { if (m) fails[i]++; });
      }
      for (const facet of data.facets) {
        const counts = new Array(facet.values.length).fill(0);
        const miss = missed.get(facet.key);
        for (let i = 0; i < size; i++) if (fails[i] === (miss && miss[i] ? 1 : 0)) for (const v of facet.rows[i]) counts[v]++;
        facet.values.forEach((value, k) => {
          const input = inputs.get(`${facet.key}=${value}`);
          if (!input) return;
          input.checked = Boolean(state.on.get(facet.key)?.has(value));
          input.disabled = !counts[k] && !input.checked;
          input.parentNode.lastElementChild.value = counts[k];
        });
      }
      let order = [];
      for (let i = 0; i < size; i++) if (!fails[i]) order.push(i);
      const by = state.sort || (hits ? "relevance" : plain);
      if (by === "relevance") order.sort((a, b) => hits.get(b) - hits.get(a) || a - b);
      else if (by !== plain) {
        const down = by.startsWith("-");
        const keys = data.sort[by.replace("-", "")];
        order.sort((a, b) => (keys[a] < 0) - (keys[b] < 0) || (down ? keys[b] - keys[a] : keys[a] - keys[b]) || a - b);
      }
      const idle = !hits && !state.on.size && by === plain;
      shown = order;
      const visible = idle && limit === data.part ? own : order.slice(0, limit);
      await need(visible);
      if (mine !== turn) return;
      const nodes = visible.map((i) => rows[i]);
      const before = listed(node);
      if (nodes.length !== before.length || nodes.some((tr, k) => tr !== before[k])) fill(node, nodes);
      count.textContent = order.length === size ? `${size} ${noun}` : `${order.length} of ${size} ${noun}`;
      box.querySelector(".empty").hidden = order.length > 0;
      box.querySelector(".scroll").hidden = order.length === 0;
      box.querySelector(".more").hidden = visible.length >= order.length || (idle && data.parts.length > 1);
      const pages = document.querySelector(".pages");
      if (pages) pages.hidden = !idle;
      if (hits) sort.append(relevance); else relevance.remove();
      sort.value = by;
      if (document.activeElement !== find) find.value = state.find;
      const tags = [];
      const chip = (text, off) => make("li", {}, make("button", { type: "button", ariaLabel: `Remove filter ${text}`, onclick: () => { off(); change(); (chips.querySelector("button") || find).focus(); } }, text, make("span", { ariaHidden: "true" }, " ×")));
      if (state.find) tags.push(chip(`Search: ${state.find}`, () => { state.find = find.value = ""; }));
      for (const facet of data.facets) for (const v of state.on.get(facet.key) || [])
        tags.push(chip(`${facet.title}: ${facet.labels[facet.at.get(v)]}`, () => toggle(facet.key, v, false)));
      if (tags.length) tags.push(make("li", {}, make("button", { type: "button", onclick: reset }, "Reset all")));
      chips.replaceChildren(...tags);
      box.dataset.ready = mine;
    }
    function toggle(key, value, on) {
      const set = state.on.get(key) || new Set();
      if (on) set.add(value); else set.delete(value);
      if (set.size) state.on.set(key, set); else state.on.delete(key);
    }
    function change() { limit = step(); write(); return show(); }
    function reset() { find.value = ""; state = { find: "", sort: "", on: new Map() }; change(); find.focus(); }
    const ask = (run) => async (...given) => {
      try { if (!state) { await load(); read(); } await run(...given); } catch (error) {
        count.textContent = `The filters could not be loaded (${error.message}); the table below is as served.`;
      }
    };

    for (const sign of ["pointerenter", "focusin", "touchstart"]) for (const part of [form, box.querySelector(".tb")])
      part.addEventListener(sign, () => { load().catch(() => {}); }, { once: true, passive: true });
    form.addEventListener("change", ask(({ target }) => { if (target.type === "checkbox") { toggle(target.name, target.value, target.checked); return change(); } }));
    form.addEventListener("submit", (e) => e.preventDefault());
    find.addEventListener("focus", () => { search().catch(() => {}); }, { once: true });
    let wait;
    find.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(ask(() => { state.find = find.value; return change(); }), 60); });
    sort.addEventListener("change", ask(() => { state.sort = sort.value === "relevance" ? "" : sort.value; return change(); }));
    box.querySelector("[data-more]").onclick = () => { limit += step(); show(); };
    box.querySelector("[data-reset]").onclick = reset;
    box.querySelector("[data-link]").onclick = (e) => copy(location.href, e.currentTarget);
    for (const button of box.querySelectorAll("[data-export]")) button.onclick = ask(async () => {
      if (!shown.length) await show();
      const file = await json(data.exports[button.dataset.export]);
      const texts = shown.map((i) => file.items[data.ids[i]]);
      const kind = button.dataset.export;
      let text;
      if (kind === "csl-json") text = `${JSON.stringify(texts.flatMap((t) => JSON.parse(t)), null, 2)}\n`;
      else if (kind === "csv") text = [file.head, "\n", ...texts].join("");
      else text = texts.join("\n");
      const a = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/plain" })), download: `sam4mis.${{ bibtex: "bib", "csl-json": "json" }[kind] || kind}` });
      a.click();
      setTimeout(() => URL.revokeObjectURL(a.href), 10000);
    });
    addEventListener("popstate", () => { if (box.isConnected) ask(() => { read(); find.value = state.find; return show(); })(); });
    find.value = "";
    if (location.search) await ask(() => { find.value = state.find; return show(); })();
    else box.dataset.ready = 0;
  }

  // -------------------------------------------------------------------------------- search page
  async function everything(box) {
    const find = box.querySelector("[name=find]");
    const list = box.querySelector("ol");
    const count = box.querySelector(".count");
    const run = async () => {
      const text = find.value.trim();
      history.replaceState(history.state, "", location.pathname + (text ? `?${new URLSearchParams({ find: text })}` : ""));
      const hits = text ? (await search()).search(text, first(text)) : [];
      if (text !== find.value.trim()) return;
      count.textContent = text ? `${hits.length} found` : "";
      list.replaceChildren(...hits.slice(0, 50).map((h) => make("li", {}, make("a", { href: at(h.u).href }, h.t), " ", make("span", { className: "dim" }, h.k))));
    };
    box.addEventListener("submit", (e) => { e.preventDefault(); run(); });
    find.addEventListener("input", run);
    find.value = new URLSearchParams(location.search).get("find") || "";
    find.focus();
    await run();
  }

  // ------------------------------------------------------------------------------- small helpers
  async function copy(text, button) {
    try { await navigator.clipboard.writeText(text); } catch {
      const area = make("textarea", { value: text });
      document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
    }
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }
  function sortable(table) {
    const value = (tr, k) => {
      const cell = tr.cells[k];
      if (!cell || cell.querySelector(":scope > .na")) return null;
      const text = cell.dataset.v ?? cell.textContent.trim();
      const number = Number(text.replace("−", "-"));
      return text !== "" && !Number.isNaN(number) ? number : fold(text);
    };
    [...table.tHead.rows[0].cells].forEach((th, k) => {
      const button = make("button", { type: "button" }, ...th.childNodes);
      th.replaceChildren(button);
      button.onclick = () => {
        const up = th.ariaSort !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        th.setAttribute("aria-sort", up ? "ascending" : "descending");
        const keyed = listed(table).map((tr) => [value(tr, k), tr]);
        keyed.sort(([a], [b]) => (a === null) - (b === null) || (a === b ? 0 : (typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === "number" ? -1 : 1) * (up ? 1 : -1)));
        fill(table, keyed.map(([, tr]) => tr));
      };
    });
  }
  function start() {
    const fresh = (selector, run) => {
      for (const node of document.querySelectorAll(selector)) if (!node.dataset.on) { node.dataset.on = "1"; run(node); }
    };
    fresh("[data-table]", table);
    fresh("[data-everything]", everything);
    fresh("table.sortable", sortable);
    fresh("[data-copy]", (button) => { button.onclick = () => copy(document.getElementById(button.dataset.copy).textContent, button); });
  }
  document.addEventListener("keydown", (e) => {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    const field = [...document.querySelectorAll("[name=find]")].reverse().find((f) => f.offsetParent);
    if (field) { e.preventDefault(); field.focus(); }
  });
  if (window.document$) window.document$.subscribe(start);
  else document.addEventListener("DOMContentLoaded", start);
})();
