"""How the sandbox's page looks: light or dark as the reader's system is, and readable on a telephone."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1a2233; --paper: #fff; --faint: #5a6478; --line: #d9dee8;
  --link: #4338ca; --good: #15703a; --bad: #b3261e; --box: #f4f6fa }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --paper: #12151c; --faint: #9aa4b8;
  --line: #2c3342; --link: #a5b4fc; --good: #7ddba0; --bad: #ff9c93; --box: #1b202b } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 .25rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line) }
h3 { font-size: .95rem; margin: 1.25rem 0 .25rem; color: var(--faint); font-weight: 600 }
p { margin: .25rem 0; color: var(--faint) }
a { color: var(--link); text-decoration: none }
a:hover, a:focus { text-decoration: underline }
code, td a { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
nav { margin-top: .75rem; display: flex; flex-wrap: wrap; gap: .1rem 1rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0 0;
  padding: .75rem 1rem; background: var(--box); border-radius: .5rem }
dt { color: var(--faint) } dd { margin: 0; overflow-wrap: anywhere }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th { text-align: left; font-size: .8rem; font-weight: 600; color: var(--faint) }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.good { color: var(--good); font-weight: 600 } .bad { color: var(--bad); font-weight: 600 }
@media (max-width: 40rem) {
  thead { display: none }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line) }
  td { display: grid; grid-template-columns: 5.5rem 1fr; border: 0; padding: 0 }
  td:empty { display: none }
  td::before { content: attr(data-title); color: var(--faint); font: 13px/1.6 system-ui, sans-serif }
}
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>azpay sandbox</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>azpay sandbox</h1>
<p>A Stripe of your own. What happens here moves no money.</p>
<dl>
<dt>API base</dt><dd><code>{address}</code></dd>
<dt>Account</dt><dd><code>{account}</code></dd>
<dt>Its clock</dt><dd>{time}</dd>
<dt>Events</dt><dd>{waiting}</dd>
</dl>
<nav>
<a href="#requests">Requests</a>
<a href="#deliveries">Deliveries</a>
<a href="#events">Events</a>
<a href="#objects">Objects</a>
<a href="/_sandbox/state">State</a>
<a href="/">Look again</a>
</nav>
</header>
<main>
<h2 id="requests">Requests</h2>
{requests}
<h2 id="deliveries">Deliveries</h2>
{deliveries}
<h2 id="events">Events</h2>
{events}
<h2 id="objects">Objects</h2>
{objects}
</main>
</body>
</html>
"""
