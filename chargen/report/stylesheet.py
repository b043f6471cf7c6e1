"""The page's stylesheet: one column on a phone and in print, sentences beside figures elsewhere."""

from __future__ import annotations

from chargen.report.style import roles


def stylesheet() -> str:
    """All of the CSS, the colours of the figures included."""
    light = "".join(f"{role.variable}:{role.light};" for role in roles())
    dark = "".join(f"{role.variable}:{role.dark};" for role in roles())
    return (
        f":root{{color-scheme:light dark;{light}--soft:#f5f6f8;--bad:#b3261e}}\n"
        "@media screen and (prefers-color-scheme:dark){"
        f":root{{{dark}--soft:#1e2229;--bad:#ff8a80}}}}\n{_RULES}"
    )


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
 font:17px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
main,header,footer{max-width:1096px;margin:0 auto;padding:0 20px}
header{padding-top:56px}
h1{font-size:clamp(32px,6vw,52px);line-height:1.1;letter-spacing:-.02em;margin:0 0 16px;
 font-weight:750}
h2{font-size:clamp(23px,3.4vw,30px);line-height:1.2;letter-spacing:-.01em;margin:0 0 8px;
 font-weight:700}
h3{font-size:16px;margin:0 0 6px}
p{margin:0 0 14px}
a{color:inherit;text-decoration-color:var(--muted);text-underline-offset:3px;
 overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;
 font-size:.88em}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;line-height:1.5}
.lede{font-size:clamp(18px,2.2vw,21px);line-height:1.5;max-width:44em;margin-bottom:24px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(136px,1fr));gap:14px 20px;
 border-top:1px solid var(--grid);border-bottom:1px solid var(--grid);padding:16px 0;
 margin:0 0 28px}
.facts dt,.label{font-size:14px;color:var(--muted);margin:0}
.facts dd{margin:0;font-weight:600;overflow-wrap:break-word;min-width:0}
section{padding:40px 0 0;border-top:1px solid var(--grid);margin-top:28px}
header section{border-top:0;padding-top:8px;margin-top:8px}
.question{color:var(--muted);max-width:44em}
.seen{max-width:44em}
.how{font-size:15px;line-height:1.55;color:var(--muted);max-width:48em}
.how b:first-child{color:var(--ink);font-weight:600}
figure{margin:12px 0 20px}
svg{display:block;width:100%;height:auto}
svg.narrow{display:none}
.scroll{overflow-x:auto;margin:8px 0 24px;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;font-size:15px;line-height:1.4;min-width:100%}
th,td{text-align:left;padding:8px 18px 8px 0;vertical-align:top;
 border-bottom:1px solid var(--grid)}
thead th{font-weight:400;color:var(--muted);font-size:14px;vertical-align:bottom}
tbody th{font-weight:600;white-space:nowrap}
td{font-variant-numeric:tabular-nums}
table.numbers td{min-width:80px}
.numbers td{white-space:nowrap}
.numbers td,.numbers thead th:not(:first-child){text-align:right;padding:8px 0 8px 18px}
.look td{min-width:112px;white-space:nowrap}
.bar{display:block;height:7px;border-radius:4px;background:var(--soft);overflow:hidden;
 margin-top:5px}
.bar span{display:block;height:100%;border-radius:4px;min-width:2px}
.look .bar{max-width:170px}
.neuron td{min-width:150px}
.neuron tbody th{font-size:17px;font-weight:400}
.neuron code.next{color:var(--paper);background:var(--ink);border-radius:4px;padding:1px 5px;
 margin-left:3px}
.odds{display:flex;align-items:center;gap:8px}
.odds .bar{flex:1;margin:0;height:12px;max-width:150px}
.odds b{min-width:44px}
.neuron ol{list-style:none;margin:6px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:3px 4px;
 font-size:12.5px;
 color:var(--muted)}
.neuron li{padding:1px 4px;border-radius:4px;background:var(--soft);white-space:nowrap;
 border:1px solid transparent}
.neuron li code{color:var(--ink);font-size:14px}
.neuron li.right{border-color:var(--ink)}
.samples{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:16px;
 margin:8px 0 24px}
.sample{border-left:4px solid;background:var(--soft);padding:14px 16px;border-radius:0 8px 8px 0;
 min-width:0}
.sample pre{max-height:22em;overflow:auto}
.sample summary{cursor:pointer;color:var(--muted);font-size:14px;margin-top:8px}
.sample details pre{margin-top:10px}
.example{background:var(--soft);border-radius:8px;padding:14px 16px;margin:6px 0 24px}
mark{background:var(--ink);color:var(--paper);border-radius:4px;padding:1px 5px}
.checks{list-style:none;padding:0;margin:0 0 24px}
.checks li{padding:9px 0 9px 112px;border-bottom:1px solid var(--grid);position:relative;
 overflow-wrap:anywhere}
.checks .verdict{position:absolute;left:0;font-weight:700}
.failed .verdict,.warning b:first-child{color:var(--bad)}
.warning{border:2px solid var(--bad);border-radius:8px;padding:12px 16px}
.networks{display:grid;grid-template-columns:repeat(auto-fit,minmax(225px,1fr));gap:22px;
 margin:0 0 8px}
.networks p{margin:0;font-size:15px;line-height:1.5}
.networks div{border-top:4px solid;padding-top:10px}
.settings th{font-weight:400}
.settings td{overflow-wrap:anywhere}
.command{background:var(--soft);border-radius:8px;padding:14px 16px;margin:0 0 18px}
.sources{font-size:15px;padding-left:20px}
footer{color:var(--muted);font-size:14px;padding-top:28px;padding-bottom:48px}
@media screen and (min-width:1000px){
 .pair{display:grid;grid-template-columns:minmax(0,1fr) 304px;column-gap:44px}
 .pair .said{grid-column:2;grid-row:1;font-size:16px;margin-top:12px}
 .pair>div:last-child{grid-column:1;grid-row:1}
}
@media screen and (max-width:640px){
 body{font-size:16px}
 header{padding-top:32px}
 svg.wide{display:none}
 svg.narrow{display:block}
 .neuron thead{display:none}
 .neuron tr{display:block;padding:14px 0;border-bottom:1px solid var(--grid)}
 .neuron tbody th{display:block;border:0;padding:0 0 6px}
 .neuron td{display:block;border:0;padding:5px 0 7px}
 .neuron td::before{content:attr(data-of);font-size:14px;color:var(--muted);display:block}
 .neuron .odds .bar{max-width:none}
}
@media print{
 @page{margin:16mm}
 *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
 body{font-size:10.5pt;line-height:1.45}
 main,header,footer{max-width:none;padding:0}
 header{padding-top:0}
 section{padding-top:14pt;margin-top:10pt}
 h1{font-size:28pt}h2{font-size:16pt}
 h2,.question,.label,thead{break-after:avoid}
 .pair,tr,.sample,.checks li,pre{break-inside:avoid}
 .scroll{overflow:visible;break-inside:avoid}.question{break-inside:avoid}
 table{font-size:9pt}thead th{font-size:8.5pt}th,td{padding:4pt 8pt 4pt 0}
 .how{font-size:9pt}
 .look td,.neuron td,table.numbers td{min-width:0;white-space:normal}
 .neuron li{font-size:8pt}.neuron ol{gap:2pt}
 .sample pre{max-height:none}
}
"""
