/** The sheet of exported HTML; colours by FILE_COLORS. */
export const PAGE_SHEET = `
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:var(--surface);font:15px/1.5 system-ui,-apple-system,'Segoe UI','Noto Sans',sans-serif;font-variant-numeric:tabular-nums}
p,h1,h2,h3,ul,figure{margin:0;padding:0}
h1{font-size:24px;line-height:1.25;overflow-wrap:anywhere}
h2{font-size:14px;color:var(--dim)}
h3{display:inline;font-size:15px}
a{color:inherit}
main{max-width:1008px;margin:0 auto;padding:32px 24px 64px}
article+article{margin-top:64px}
nav{max-width:1008px;margin:0 auto;padding:16px 24px 0;font-size:13px}
nav ul{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none}
nav ul ul{padding-left:16px}
nav>ul:has(ul){display:block}
section{margin-top:40px;padding-top:16px;border-top:1px solid var(--line)}
.verdict{max-width:36em;margin-top:2px;font-size:20px;line-height:1.4}
.dim{color:var(--dim)}
.absent{max-width:44em;margin-top:8px;padding-left:18px;font-size:13px}
.set{margin-top:6px;font-size:13px}
figure{margin-top:28px}
figcaption{margin-bottom:10px}
figcaption .dim{margin-left:6px;font-size:13px;white-space:nowrap}
.narrow{display:none}
.across{overflow-x:auto}
.across .chart{max-width:none}
@media screen and (max-width:640px){
main{padding:24px 16px 48px}
nav{padding:16px 16px 0}
.usual{display:none}
.narrow{display:block}
}
details{max-width:44em;margin-top:6px;font-size:13px}
details.data{max-width:none}
summary{width:max-content;color:var(--dim);cursor:pointer}
details p{margin:6px 0}
.formula{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px}
.scroll{overflow:auto;max-height:520px;margin:6px 0}
table{border-collapse:collapse;font-size:13px;white-space:nowrap}
th,td{padding:2px 20px 2px 0;text-align:left;font-weight:400;unicode-bidi:isolate}
th.n,td.n{text-align:right}
thead th{position:sticky;top:0;color:var(--dim);background:var(--surface)}
tbody tr{border-top:1px solid var(--line)}
:focus-visible{outline:2px solid var(--s0);outline-offset:2px}
@media print{
body{font-size:11pt}
main{max-width:none;padding:0}
nav,details:not([open]){display:none}
article+article,section+section{break-before:page}
h2,.verdict,figcaption{break-after:avoid}
figure svg,tr{break-inside:avoid}
.scroll{overflow:visible;max-height:none}
thead th{position:static;vertical-align:bottom}
table{width:auto;font-size:8.5pt;white-space:normal}
th,td{padding-right:7px}
.across .chart{max-width:100%}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;
