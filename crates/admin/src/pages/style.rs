//! What the pages have beside the style of the status page.

use status::STYLE;

/// Everything that stands in the page as its style.
pub(super) fn style() -> String {
    format!("{STYLE}{OWN}")
}

/// Forms, what happened beside what was told, and a frame around what the public reads.
pub(super) const OWN: &str = concat!(
    "body{max-width:64rem}header{border-bottom:1px solid var(--line);margin-bottom:1.4rem;padding-bottom:.7rem}",
    "header nav{margin:0}.ways{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;align-items:baseline}",
    ".ways a{font-weight:400;color:var(--link);text-decoration:underline}",
    ".ways a[aria-current]{font-weight:650;color:var(--ink);text-decoration:none}",
    "h1{margin-bottom:.8rem}h1+p{margin-top:-.5rem}h2{margin-top:2.4rem}",
    "form{margin:0}form p{margin:.9rem 0}label,.label{display:block;font-weight:600;margin-bottom:.2rem}",
    ".hint{display:block;font-weight:400;color:var(--soft);font-size:.9rem}",
    "input,select,textarea,button{font:inherit;color:var(--ink);border-radius:.4rem}",
    "input,select,textarea{width:100%;max-width:100%;padding:.55rem .7rem;background:var(--card);border:1px solid var(--none)}",
    "input[type=checkbox]{width:1.15rem;height:1.15rem;margin:0 .5rem 0 0;vertical-align:-.2rem;accent-color:var(--link)}",
    "textarea{display:block;resize:vertical;line-height:1.5}.tall{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9rem}",
    "select{width:auto}.short{max-width:18rem}",
    "button,.button{display:inline-block;padding:.5rem 1.1rem;min-height:2.6rem;border:1px solid var(--none);background:var(--card);",
    "color:var(--ink);font-weight:600;cursor:pointer;text-decoration:none;border-radius:.4rem}",
    "button:hover,.button:hover{border-color:var(--ink)}",
    ".first{background:var(--link);border-color:var(--link);color:var(--card)}.first:hover{border-color:var(--ink)}",
    ".plain{min-height:0;padding:.1rem 0;border:0;background:none;color:var(--link);font-weight:400;text-decoration:underline;",
    "text-underline-offset:.18em;text-decoration-thickness:1px}",
    ".acts{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin-top:.9rem}",
    ".news{padding:.8rem 1.1rem;background:var(--card);border:1px solid var(--line);border-left:.45rem solid var(--c);",
    "border-radius:.6rem;margin-bottom:1.2rem}.news p:first-child{margin-top:0}.news p:last-child{margin-bottom:0}",
    ".public{padding:1.1rem 1.3rem;background:var(--bg);border:2px solid var(--link);border-radius:.6rem;margin:.8rem 0}",
    ".public h1{font-size:1.35rem;margin-bottom:0}.public h1+p{margin-top:.3rem}.public>:first-child{margin-top:0}.public h2{margin-top:1.4rem}",
    ".pair{display:grid;gap:.7rem;align-items:start}.heads{display:none}.pair>li{padding:.7rem .9rem;border-radius:.5rem;border:1px solid var(--line)}",
    ".pair .out{background:var(--card);border-left:.3rem solid var(--link)}.pair p{margin:.2rem 0}",
    ".tag{font-size:.8rem;font-weight:600;color:var(--soft)}",
    ".set{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between}",
    ".set form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}",
    ".two{display:grid;gap:0 2rem}.todo{list-style:disc}.todo li{padding:.1rem 0}",
    "fieldset{border:1px solid var(--line);border-radius:.5rem;padding:.4rem 1rem .9rem;margin:1rem 0}legend{font-weight:600;padding:0 .3rem}",
    "fieldset p{margin:.5rem 0}.narrow{max-width:26rem;margin:8vh auto 0}",
    "details{margin:1.1rem 0}summary{font-weight:600}summary::before{content:\"▸\";content:\"▸\"/\"\";display:inline-block;width:1.1em}",
    "details[open]>summary::before{content:\"▾\";content:\"▾\"/\"\"}details .todo{padding-left:2rem}",
    "@media(min-width:48rem){.two{grid-template-columns:1fr 1fr}.pair,.heads{display:grid;grid-template-columns:1fr 1fr;gap:.6rem 1.2rem}",
    ".heads{margin-bottom:.4rem;color:var(--soft);font-weight:600;font-size:.9rem}.pair .in{grid-column:1}.pair .out{grid-column:2}}",
    "@media(forced-colors:active){.first,button{border:2px solid ButtonText}.news,.public{border-color:CanvasText}}",
);
