/** How the API reference looks: light or dark as the reader has it, no font or image of anybody's. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e26; --paper: #fdfcf9; --dim: #5d6270; --line: #dedad0; --box: #f4f1ea; --link: #22508f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e4de; --paper: #16181d; --dim: #9ba0ad; --line: #333842; --box: #1e2128; --link: #8fb6ee; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.page { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 78rem; margin: 0 auto; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; border-right: 1px solid var(--line); font-size: 0.9rem; }
nav h2 { margin: 1.2rem 0 0.2rem; font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.05em; color: var(--dim); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { padding: 0.1rem 0; }
main { padding: 1.5rem 2rem 6rem; min-width: 0; }
h1 { margin: 0 0 0.5rem; }
h2.group { margin: 3rem 0 0.2rem; padding-top: 1rem; border-top: 2px solid var(--line); }
section.operation { margin: 2rem 0; }
section.operation > h3 { margin: 0 0 0.3rem; }
.route { display: block; padding: 0.5rem 0.8rem; background: var(--box); border-radius: 0.4rem; }
.method { display: inline-block; min-width: 4.2rem; font: 700 0.85em ui-monospace, monospace; }
.get { color: #1f7a4a; } .post { color: #2a5db0; } .put, .patch { color: #9a6200; } .delete { color: #b3261e; }
@media (prefers-color-scheme: dark) {
  .get { color: #6fcf97; } .post { color: #8fb6ee; } .put, .patch { color: #f0b860; } .delete { color: #ff8a80; }
}
h4 { margin: 1rem 0 0.2rem; font-size: 0.95rem; }
.kind, .dim { color: var(--dim); font-size: 0.9em; }
dl.fields { margin: 0.2rem 0 0.2rem 0; padding-left: 0.8rem; border-left: 2px solid var(--line); }
dl.fields dt { margin-top: 0.4rem; }
dl.fields dd { margin: 0 0 0 0.4rem; font-size: 0.95em; }
table { border-collapse: collapse; width: 100%; font-size: 0.95em; }
td { vertical-align: top; padding: 0.25rem 0.6rem 0.25rem 0; border-bottom: 1px solid var(--line); }
td:first-child { white-space: nowrap; font-weight: 600; }
@media (max-width: 52rem) {
  .page { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 1rem; }
}
`;
