/* Filters, sort, search and export over tables that are complete without this script. No library. */
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

  // ---------------------------------- search: catalog/search.py step by step, over the index it wrote
  // Similarity in percent: what two texts share in order, of what they have.
  const ratio = (a, b) => {
    const row = new Uint16Array(b.length + 1), all = a.length + b.length;
    for (const c of a) for (let j = 1, left = 0; j <= b.length; j++) {
      const above = row[j];
      row[j] = c === b[j - 1] ? left + 1 : Math.max(above, row[j - 1]);
      left = above;
    }
    return all ? (1 - (all - 2 * row[b.length]) / all) * 100 : 100;
  };
  const digits = (text) => (text.match(/\d+/g) || []).join();
  const folded = (text) => (fold(text).match(/[\p{L}\p{N}]+/gu) || []).join(" ");
  const before = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  function reader({ stop, spellings, greek, identifiers }) {
    const respelled = new RegExp(`\\b(?:${Object.keys(spellings).join("|")})`, "g");
    const drop = new Set(stop), pasted = identifiers.map((pattern) => new RegExp(`^(?:${pattern})$`, "i"));
    const words = (text) => {
      const all = folded(text).replace(/\p{Script=Greek}/gu, (c) => greek[c] ?? c).replace(/\b([a-z]+) (\d)\b/g, "$1$2").replace(respelled, (w) => spellings[w]).split(" ").filter(Boolean);
      const kept = all.filter((w) => !drop.has(w)).map((w) => (/^\p{L}{3,}[^\P{L}sui]s$/u.test(w) ? w.slice(0, -1) : w));
      return kept.length ? kept : all;
    };
    const asked = (text) => {
      for (const pattern of pasted) { const found = pattern.exec(text.trim()); if (found) return words(found[1]); }
      return words(text);
    };
    return { words, asked };
  }
  function index(tables, { words, asked }, part) {
    const unpack = (steps) => { let at = 0; return steps.map((step) => (at += step)); };
    const [places, names] = [part.words, part.names].map((packed) => new Map(Object.entries(packed).map(([k, steps]) => [k, unpack(steps)])));
    const known = [...places.keys()].sort(before), fields = tables.weights.length;
    const docs = part.docs.map(([u, k, title, short, year, id, ...more]) => ({ u, k, title, short, year, id, names: [short, title, ...more] }));
    const near = (word) => {
      const found = new Map(places.has(word) ? [[word, 1]] : []);
      if (word.length > 1) for (const k of known) if (k !== word && k.startsWith(word)) found.set(k, 0.75 + 0.2 * word.length / k.length);
      if (word.length < tables.shortest || places.has(word)) return found;
      const like = known.map((k) => [k, ratio(word, k)]).filter(([, s]) => s >= tables.typo).sort((a, b) => b[1] - a[1]).slice(0, tables.most);
      for (const [k, s] of like) if (!found.has(k) && digits(k) === digits(word)) found.set(k, 0.7 * s / 100);
      return found;
    };
    const one = (word) => {
      const best = new Map();
      for (const [k, s] of near(word)) for (const place of places.get(k)) {
        const n = Math.floor(place / fields), score = s * tables.weights[place % fields];
        if (score > (best.get(n) ?? 0)) best.set(n, score);
      }
      return best;
    };
    const every = (list) => {
      let total = null;
      for (const found of list.map(one)) total = total ? new Map([...found].filter(([n]) => total.has(n)).map(([n, s]) => [n, total.get(n) + s])) : found;
      return new Map([...total || []].map(([n, s]) => [n, s / list.length]));
    };
    const like = (joined, doc) => Math.max(...(doc.joined ??= doc.names.map((text) => words(text).join(""))).map((name) => ratio(joined, name) / 100));
    const search = (text) => {
      const list = asked(text), joined = list.join("");
      if (!joined) return [];
      const found = every(list);
      for (const place of names.get(joined) || []) found.set(Math.floor(place / fields), 1);
      return [...found].map(([n, s]) => ({ ...docs[n], score: Math.floor((0.9 * s + 0.1 * like(joined, docs[n])) * 10000 + 0.5) / 10000 }))
        .sort((a, b) => b.score - a.score || b.year - a.year || before(a.title, b.title) || before(a.id, b.id));
    };
    // What to try where nothing is found: a word fewer, or a name that is near.
    const without = (text) => {
      const list = asked(text);
      return list.map((word, n) => [word, list.length > 1 ? every(list.filter((_, m) => m !== n)).size : 0]).filter(([, n]) => n && 4 * n <= docs.length).slice(0, 3);
    };
    const meant = (text) => {
      const wanted = folded(text), seen = new Map();
      if (wanted.length < 2) return [];
      for (const doc of docs) {
        const name = doc.short || doc.title, other = folded(name), key = other.replaceAll(" ", "");
        const score = wanted.length > 2 && other.startsWith(wanted) ? 100 : ratio(wanted, other);
        if (score >= tables.near && !seen.has(key)) seen.set(key, [score, name]);
      }
      const best = Math.max(0, ...[...seen.values()].map(([s]) => s));
      return [...seen.values()].sort(([s, a], [t, b]) => t - s || a.length - b.length || before(a, b)).filter(([s]) => s >= best - 10).slice(0, 3).map(([, name]) => name);
    };
    return { search, without, meant };
  }
  let engine;
  const search = () => engine ??= json("assets/data/search.json").then(({ tables, works, pages }) => {
    const read = reader(tables);
    return { works: index(tables, read, works), pages: index(tables, read, pages) };
  }).catch((error) => { engine = undefined; throw error; }); // the next word typed tries again

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
      for (const input of form.elements) if (input.name) inputs.set(`${input.name}=${input.value}`, input);
    })().catch((error) => { loading = undefined; throw error; });
    const plain = sort.options[0].value;
    // Offered while something is typed, and then the order unless the reader chose another.
    const relevance = make("option", { value: "relevance", textContent: "Relevance" });
    let state, limit, turn = 0, shown = [];

    function read() {
      const params = new URLSearchParams(location.search);
      state = { find: params.get("find") || "", sort: params.get("sort") || "", on: new Map(), out: new Map(), few: new Set(params.getAll("only-named")) };
      if (state.sort === "relevance" || ![...sort.options].some((o) => o.value === state.sort)) state.sort = "";
      for (const facet of data.facets) {
        for (const v of params.getAll(facet.key)) toggle(state.on, facet.key, v, facet.at.has(v));
        for (const v of params.getAll(`not-${facet.key}`)) toggle(state.out, facet.key, v, facet.at.has(v));
      }
      limit = step();
    }
    // Rows of a filtered table of several parts may lie in all of them: fewer at a time.
    const step = () => (data.parts.length > 1 && (state.find || narrowed() || state.sort) ? 100 : data.part);
    const narrowed = () => state.on.size + state.out.size > 0;
    function write() {
      const params = new URLSearchParams();
      if (state.find) params.set("find", state.find);
      for (const { key } of data.facets) for (const [name, held] of [[key, state.on], [`not-${key}`, state.out]]) for (const v of held.get(key) || []) params.append(name, v);
      for (const key of state.few) params.append("only-named", key);
      if (state.sort && (state.find.trim() || state.sort !== plain)) params.set("sort", state.sort);
      const text = params.toString();
      history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
    }
    // A part is kept as text: of its hundreds of rows only those are parsed that are shown.
    const texts = new Map();
    const part = (page) => {
      if (!texts.has(page.href)) texts.set(page.href, fetch(page).then((r) => r.text()).catch((error) => { texts.delete(page.href); throw error; }));
      return texts.get(page.href);
    };
    const need = (wanted) => Promise.all(wanted.filter((i) => !rows[i]).map(async (i) => {
      const page = at(data.parts[Math.floor(i / data.part)]), text = await part(page);
      const from = text.indexOf(`<tr id="${data.ids[i]}">`);
      const tr = make("template", { innerHTML: text.slice(from, text.indexOf("</tr>", from) + 5) }).content.firstElementChild;
      for (const a of tr.querySelectorAll("a[href]")) a.href = new URL(a.getAttribute("href"), page);
      rows[i] ??= document.adoptNode(tr);
    }));
    async function show() {
      const mine = ++turn;
      const fails = new Uint8Array(size);
      let hits = null;
      if (state.find.trim()) {
        const found = (await search()).works.search(state.find).filter((r) => r.k === box.dataset.kind);
        if (mine !== turn) return;
        hits = new Map(found.map((r, n) => [place.get(r.id), n]));
        for (let i = 0; i < size; i++) if (!hits.has(i)) fails[i]++;
      }
      const missed = new Map();
      for (const facet of data.facets) {
        const [on, out] = [state.on, state.out].map((held) => new Set([...held.get(facet.key) || []].map((v) => facet.at.get(v))));
        if (!on.size && !out.size) continue;
        if (on.size && facet.many && !state.few.has(facet.key)) on.add(facet.at.get(facet.many));
        const miss = facet.rows.map((r) => (on.size > 0 && !r.some((v) => on.has(v))) || r.some((v) => out.has(v)));
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
          input.indeterminate = Boolean(state.out.get(facet.key)?.has(value));
          input.ariaLabel = input.indeterminate ? `leave out: ${facet.labels[k]}` : null;
          input.disabled = !counts[k] && !input.checked && !input.indeterminate;
          input.parentNode.lastElementChild.value = counts[k];
        });
        const many = form.querySelector(`[data-many="${facet.key}"]`);
        if (many) { many.checked = !state.few.has(facet.key); many.parentNode.lastElementChild.value = counts[facet.at.get(facet.many)] ?? 0; }
      }
      let order = [];
      for (let i = 0; i < size; i++) if (!fails[i]) order.push(i);
      const by = state.sort || (hits ? "relevance" : plain);
      if (by === "relevance") order.sort((a, b) => hits.get(a) - hits.get(b));
      else if (by !== plain) {
        const down = by.startsWith("-");
        const keys = data.sort[by.replace("-", "")];
        order.sort((a, b) => (keys[a] < 0) - (keys[b] < 0) || (down ? keys[b] - keys[a] : keys[a] - keys[b]) || a - b);
      }
      const idle = !hits && !narrowed() && by === plain;
      shown = order;
      const visible = idle && limit === data.part ? own : order.slice(0, limit);
      await need(visible);
      if (mine !== turn) return;
      const nodes = visible.map((i) => rows[i]);
      const before = listed(node);
      if (nodes.length !== before.length || nodes.some((tr, k) => tr !== before[k])) fill(node, nodes);
      const many = data.facets.filter((f) => f.many && state.on.has(f.key) && !state.few.has(f.key) && !state.on.get(f.key).has(f.many));
      const broad = many.map((f) => order.filter((i) => !f.rows[i].some((v) => state.on.get(f.key).has(f.values[v]))).length).filter(Boolean);
      count.textContent = (order.length === size ? `${size} ${noun}` : `${order.length} of ${size} ${noun}`) + broad.map((n) => `, ${n} of them on many kinds of image`).join("");
      box.querySelector(".empty").hidden = order.length > 0;
      box.querySelector(".scroll").hidden = order.length === 0;
      box.querySelector(".more").hidden = visible.length >= order.length || (idle && data.parts.length > 1);
      const pages = document.querySelector(".pages");
      if (pages) pages.hidden = !idle;
      if (hits) sort.append(relevance); else relevance.remove();
      sort.value = by;
      for (const th of heads) {
        const keys = th.dataset.sort.split(" "), on = keys.includes(by);
        if (on) th.setAttribute("aria-sort", by.startsWith("-") ? "descending" : "ascending"); else th.removeAttribute("aria-sort");
      }
      if (document.activeElement !== find) find.value = state.find;
      const tags = [];
      const chip = (text, off) => make("li", {}, make("button", { type: "button", ariaLabel: `Remove filter ${text}`, onclick: () => { off(); change(); (chips.querySelector("button") || find).focus(); } }, text, make("span", { ariaHidden: "true" }, " ×")));
      if (state.find) tags.push(chip(`Search: ${state.find}`, () => { state.find = find.value = ""; }));
      for (const facet of data.facets) for (const v of state.on.get(facet.key) || [])
        tags.push(chip(`${facet.title}: ${facet.labels[facet.at.get(v)]}`, () => toggle(state.on, facet.key, v, false)));
      for (const facet of data.facets) for (const v of state.out.get(facet.key) || [])
        tags.push(chip(`${facet.title}: not ${facet.labels[facet.at.get(v)]}`, () => toggle(state.out, facet.key, v, false)));
      if (tags.length) tags.push(make("li", {}, make("button", { type: "button", onclick: reset }, "Reset all")));
      chips.replaceChildren(...tags);
      box.dataset.ready = mine;
    }
    function toggle(held, key, value, on) {
      const set = held.get(key) || new Set();
      if (on) set.add(value); else set.delete(value);
      if (set.size) held.set(key, set); else held.delete(key);
    }
    // Kept, then left out, then neither.
    function turned(key, value) {
      const kept = Boolean(state.on.get(key)?.has(value)), out = Boolean(state.out.get(key)?.has(value));
      toggle(state.on, key, value, !kept && !out);
      toggle(state.out, key, value, kept);
    }
    function change() { limit = step(); write(); return show(); }
    function reset() { find.value = ""; state = { find: "", sort: "", on: new Map(), out: new Map(), few: new Set() }; change(); find.focus(); }
    const ask = (run) => async (...given) => {
      try { if (!state) { await load(); read(); } await run(...given); } catch (error) {
        count.textContent = `The filters could not be loaded (${error.message}); the table below is as served.`;
      }
    };

    for (const sign of ["pointerenter", "focusin", "touchstart"]) for (const part of [form, box.querySelector(".tb")])
      part.addEventListener(sign, () => { load().catch(() => {}); }, { once: true, passive: true });
    form.addEventListener("change", ask(({ target }) => {
      if (target.name) turned(target.name, target.value);
      else if (target.checked) state.few.delete(target.dataset.many); else state.few.add(target.dataset.many);
      return change();
    }));
    form.addEventListener("submit", (e) => e.preventDefault());
    find.addEventListener("focus", () => { search().catch(() => {}); }, { once: true });
    let wait;
    find.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(ask(() => { state.find = find.value; return change(); }), 60); });
    sort.addEventListener("change", ask(() => { state.sort = sort.value === "relevance" ? "" : sort.value; return change(); }));
    // A column's head orders by what it shows; again, by the next of its orders.
    const heads = [...node.tHead.querySelectorAll("[data-sort]")];
    for (const th of heads) {
      const keys = th.dataset.sort.split(" "), button = make("button", { type: "button" }, ...th.childNodes);
      th.replaceChildren(button);
      button.onclick = ask(() => { state.sort = keys[(keys.indexOf(sort.value) + 1) % keys.length]; return change(); });
    }
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

  // -------------------------------------------------------------------------------- find a model
  // What fits, and how well, was worked out when the site was built (catalog/choosing.py).
  async function finder(box) {
    const form = document.querySelector(".finder"), count = document.querySelector(".count");
    const reset = form.querySelector("[type=reset]"), kinds = ["modality", "dimension", "prompt", "target", "licence"];
    const cards = [...box.querySelectorAll(".offer")];
    let data;
    const show = async () => {
      const asked = [...new FormData(form)].filter(([, v]) => v);
      history.replaceState(history.state, "", location.pathname + (asked.length ? `?${new URLSearchParams(asked)}` : ""));
      data ??= await json(new URL(box.dataset.finder, location).href);
      const need = Object.fromEntries(asked), fits = new Map();
      for (const card of cards) {
        const of = data.offers[card.id], found = kinds.filter((k) => need[k]).map((k) => { const at = of[k][need[k]]; return at && [at[0], data.remarks[at[1]]]; });
        if (need.memory) { const gib = data.memory[card.id]; found.push(gib ? (gib <= need.memory ? [0, ""] : null) : [1, "its memory is not known"]); }
        const worst = found.every(Boolean) ? Math.max(0, ...found.map(([n]) => n)) : null;
        card.hidden = worst === null;
        card.classList.toggle("apart", worst === 2);
        card.querySelector(".remark").textContent = (worst === 2 ? "Needs more: " : "") + (worst === null ? "" : found.map(([, text]) => text).filter(Boolean).join("; "));
        if (worst !== null) fits.set(card, worst);
      }
      const told = [];
      for (const tier of box.querySelectorAll(".tier")) {
        const held = cards.filter((c) => tier.contains(c)), kept = held.filter((c) => fits.has(c)).sort((a, b) => fits.get(a) - fits.get(b) || cards.indexOf(a) - cards.indexOf(b));
        if (held.length) held[0].parentNode.append(...kept, ...held.filter((c) => !fits.has(c)));
        tier.querySelector(".many").textContent = kept.length;
        told.push(`${kept.length} ${tier.querySelector("h2").textContent.toLowerCase()}`);
      }
      count.textContent = asked.length ? told.join(", ") : "";
      reset.hidden = !asked.length;
      box.dataset.ready = 1;
    };
    const run = () => show().catch((error) => { count.textContent = `The choices could not be loaded (${error.message}); everything is shown.`; });
    const given = new URLSearchParams(location.search);
    for (const field of form.elements) if (given.has(field.name)) { if (field.type === "checkbox") field.checked = true; else field.value = given.get(field.name); }
    form.addEventListener("change", run);
    form.addEventListener("submit", (e) => { e.preventDefault(); run(); });
    form.addEventListener("reset", () => setTimeout(run));
    if (location.search) await run(); else box.dataset.ready = 0;
  }
  // Two to four cards side by side: the rows are what the cards say.
  function comparing(box) {
    const view = document.querySelector(".compare"), [table] = view.querySelectorAll("table");
    box.addEventListener("change", ({ target }) => {
      if (target.name !== "compare") return;
      const ticks = [...box.querySelectorAll("[name=compare]")], on = ticks.filter((t) => t.checked);
      for (const tick of ticks) tick.disabled = on.length >= 4 && !tick.checked;
      const chosen = on.map((t) => t.closest(".offer"));
      const lines = chosen.map((c) => new Map([...c.querySelectorAll("dl > div")].map((d) => [d.firstChild.textContent, d.lastChild])));
      const names = [...new Set(lines.flatMap((l) => [...l.keys()]))];
      const cell = (tag, scope, ...held) => make(tag, scope ? { scope } : {}, ...held);
      table.tHead.replaceChildren(make("tr", {}, make("td"), ...chosen.map((c) => cell("th", "col", c.querySelector("h3").textContent))));
      table.tBodies[0].replaceChildren(...names.map((n) => make("tr", {}, cell("th", "row", n), ...lines.map((l) => cell("td", "", ...(l.has(n) ? [...l.get(n).cloneNode(true).childNodes] : ["—"]))))));
      view.hidden = on.length < 2;
    });
  }

  // -------------------------------------------------------------------------------- search page
  async function everything(box) {
    const find = box.querySelector("[name=find]");
    const list = box.querySelector("ol");
    const count = box.querySelector(".count");
    box.search = search; // for tests and for the console
    const spare = box.querySelector(".near");
    const again = (text) => make("a", { href: `?${new URLSearchParams({ find: text })}`, onclick: (e) => { e.preventDefault(); find.value = text; run(); } }, text);
    const run = async () => {
      const text = find.value.trim();
      history.replaceState(history.state, "", location.pathname + (text ? `?${new URLSearchParams({ find: text })}` : ""));
      const { works, pages } = await search();
      const hits = text ? [...works.search(text), ...pages.search(text)].sort((a, b) => b.score - a.score) : [];
      if (text !== find.value.trim()) return;
      count.textContent = text ? `${hits.length || "Nothing"} found` : "";
      const less = text && !hits.length ? works.without(text).flatMap(([word, n]) => [` Without “${word}”: ${n} works.`]) : [];
      const names = text && !hits.length ? works.meant(text).flatMap((name, n) => [n ? " or " : " Did you mean ", again(name)]) : [];
      spare.replaceChildren(...less, ...names, ...(names.length ? ["?"] : []));
      list.replaceChildren(...hits.slice(0, 50).map((h) => make("li", {}, make("a", { href: at(h.u).href }, h.title), " ", make("span", { className: "dim" }, [h.k, h.k === "paper" && h.short, h.year || ""].filter(Boolean).join(" · ")))));
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
  // --------------------------------------------------------------------- why numbers differ
  const said = (v) => (v === null ? "left out" : typeof v === "number" ? v.toFixed(3) : "—");
  function calculator(table) {
    const form = table.closest(".s4m").querySelector(".calc");
    const run = () => {
      const [tp, fp, fn] = ["tp", "fp", "fn"].map((name) => Math.max(0, Math.floor(Number(form.elements[name].value)) || 0));
      table.querySelector("[data-counts]").textContent = `TP ${tp}, FP ${fp}, FN ${fn}`;
      for (const row of table.querySelectorAll("[data-smooth]")) {
        const [top, bottom] = row.dataset.smooth.split(",").map(Number);
        const corners = row.dataset.corners.split(",").map((c) => (c === "" ? null : Number(c)));
        const empty = !top && (tp + fn === 0 || tp + fp === 0);
        const value = empty ? corners[tp + fp + fn === 0 ? 0 : tp + fn === 0 ? 1 : 2] : (2 * tp + top) / (2 * tp + fp + fn + bottom);
        row.cells[1].firstElementChild.textContent = said(value);
      }
    };
    form.addEventListener("input", run);
    form.addEventListener("submit", (e) => e.preventDefault());
  }
  function beside(table) {
    const values = JSON.parse(document.getElementById("corner-values").textContent);
    const [a, b] = ["a", "b"].map((name) => table.closest(".s4m").querySelector(`select[name=${name}]`));
    const run = () => {
      [a, b].forEach((side, k) => { table.tHead.rows[0].cells[k + 1].textContent = side.selectedOptions[0].textContent; });
      let apart = 0;
      [...table.tBodies[0].rows].forEach((row, k) => {
        const pair = [a, b].map((side) => values[side.value][k]);
        pair.forEach((v, i) => { row.cells[i + 1].textContent = said(v); });
        row.classList.toggle("apart", pair[0] !== pair[1]);
        apart += pair[0] !== pair[1];
      });
      document.getElementById("compared").textContent = `${apart} of ${table.tBodies[0].rows.length} cases differ.`;
    };
    for (const side of [a, b]) side.addEventListener("change", run);
    run();
  }
  // A row that an address names may lie in a closed part.
  function unfold() {
    let node = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details:not([open])");
    for (; node; node = node.parentElement?.closest("details:not([open])")) node.open = true;
  }
  addEventListener("hashchange", unfold);
  function start() {
    unfold();
    const fresh = (selector, run) => {
      for (const node of document.querySelectorAll(selector)) if (!node.dataset.on) { node.dataset.on = "1"; run(node); }
    };
    fresh("[data-table]", table);
    fresh("[data-everything]", everything);
    fresh(".offers", (box) => { comparing(box); if (box.dataset.finder) finder(box); });
    fresh("table.sortable", sortable);
    fresh("#calculated tbody", (body) => calculator(body.closest("table")));
    fresh("#sides", beside);
    // Material puts wide tables of hand-written pages into a box that scrolls; the keyboard must reach it.
    fresh(".md-typeset__scrollwrap", (box) => { box.tabIndex = 0; });
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
