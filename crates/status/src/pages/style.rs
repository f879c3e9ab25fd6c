//! The styles of all pages. A copy needs no second file, and the policy of a page names the hash of its own.
//!
//! The first page is what people load in a crisis: it and the list of incidents have no more than they need.

macro_rules! first {
    () => {
        concat!(
        // Grounds and inks, then states: each can be read on its ground (4.5 to 1 at least), the unknown seen (3 to 1).
        ":root{color-scheme:light dark;--bg:#f5f5f1;--card:#fff;--ink:#1b1e23;--soft:#595f69;--line:#deded7;--link:#1d4f91;",
        "--up:#1a7a49;--work:#2c5dbb;--slow:#8a5300;--some:#b93c0a;--down:#b3122e;--none:#868c95;--bar:#2e9e65;--amber:#bd7e00}",
        "@media(prefers-color-scheme:dark){:root{--bg:#111317;--card:#191c22;--ink:#e9eaed;--soft:#a6acb6;--line:#2d323a;",
        "--link:#93b9fa;--up:#4fc48c;--work:#8bafff;--slow:#e6ad45;--some:#ff9557;--down:#ff7d89;--none:#767d88;--bar:#3aa874;--amber:#e6ad45}}",
        ".up{--c:var(--up)}.work{--c:var(--work)}.slow{--c:var(--slow)}.some{--c:var(--some)}.down{--c:var(--down)}",
        ".none{--c:var(--none)}",
        "*{box-sizing:border-box}",
        "body{margin:0 auto;max-width:47rem;padding:0 1rem 3rem;background:var(--bg);color:var(--ink);",
        "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}",
        "a{color:var(--link);text-underline-offset:.18em;text-decoration-thickness:1px}",
        ":focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}",
        "h1,h2,h3{line-height:1.25;margin:0;text-wrap:balance}h1{font-size:1.6rem;letter-spacing:-.01em}",
        "h2{font-size:1.05rem;margin:2.2rem 0 .7rem}h3{font-size:1.1rem}p{margin:.5rem 0}",
        "ul,ol,dl,dd{margin:0;padding:0}ul,ol{list-style:none}time{font-variant-numeric:tabular-nums}",
        // What the script adds.
        "time[data-l]::after{content:\" (\"attr(data-l)\")\"}",
        ".skip{position:absolute;left:-99rem;padding:.5rem 1rem;background:var(--card)}.skip:focus{left:1rem;top:.5rem}",
        "header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 1rem;padding:1.4rem 0 1rem}",
        "header a{display:inline-block;padding:.2rem 0;font-weight:650;color:inherit;text-decoration:none}",
        "header a:hover{text-decoration:underline}",
        ".soft,header span{color:var(--soft);font-size:.9rem}main:focus{outline:0}",
        // The notice of an old copy: hidden at first, and shown after the 15 minutes from which copies are old.
        ".stale{margin:0;max-height:0;overflow:hidden;visibility:hidden;animation:stale 1ms 900s forwards}",
        ".stale.old{animation:none;max-height:none;visibility:visible}@keyframes stale{to{max-height:none;visibility:visible}}",
        ".stale span{display:block;margin-bottom:1rem;padding:.9rem 1.3rem;background:var(--card);border-radius:.6rem;",
        "border:1px solid var(--line);border-left:.45rem solid var(--slow)}",
        // The verdict.
        ".verdict{display:flex;gap:1rem;align-items:center;padding:1.3rem;background:var(--card);border-radius:.6rem;",
        "border:1px solid var(--line);border-left:.45rem solid var(--c)}",
        ".verdict .i{flex:none;width:2.6rem;height:2.6rem}.verdict p{margin:.2rem 0 0}",
        ".i{width:1em;height:1em;fill:var(--c);vertical-align:-.125em}.i>*+*{fill:none;stroke:var(--card);stroke-width:1.8}",
        ".state{color:var(--c);font-weight:600;white-space:nowrap}.state .i{margin-right:.4em}",
        // Cards and lists.
        ".card,.list{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1.1rem 1.3rem}",
        ".card{border-left:.45rem solid var(--c,var(--line));margin-bottom:.8rem}.card p:last-child{margin-bottom:0}",
        ".list>li+li,tr+tr{border-top:1px solid var(--line)}.list{padding:0 1.3rem}.list>li{padding:.9rem 0}",
        ".row{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;margin:0;align-items:baseline}",
        ".row>:first-child{font-weight:600}.row a,h3 a,nav a,footer a{display:inline-block;padding:.1rem 0}",
        ".row a,h3 a{color:inherit;text-decoration-color:var(--line)}.row a:hover,h3 a:hover{text-decoration-color:inherit}",
        ".facts div{display:flex;flex-wrap:wrap;gap:0 1rem;justify-content:space-between;padding:.35rem 0;",
        "border-bottom:1px solid var(--line)}.facts{margin:.7rem 0;border-top:1px solid var(--line)}",
        ".facts dt{color:var(--soft)}.facts dd{font-weight:500}.said{margin-top:.8rem}",
        // Days.
        ".strip{display:block;overflow:hidden;margin:.45rem 0 .1rem}.strip svg{display:block;width:100%;height:2rem}",
        ".strip path{fill:none;stroke:var(--c);stroke-dasharray:3 1;stroke-width:20}.strip .up{--c:var(--bar)}",
        ".strip .slow{--c:var(--amber);stroke-width:24}.strip .some{stroke-width:28}.strip .down{stroke-width:32}",
        ".strip .work{stroke-width:12}.strip .none{stroke-dasharray:.7 1.3}",
        ".ends{display:flex;justify-content:space-between;margin:0;color:var(--soft);font-size:.8rem}",
        "@media(max-width:34rem){.strip svg{width:300%;margin-left:-200%}.ago span{display:none}.ago::before{content:\"30\"}",
        ".card{padding:1rem}.list{padding:0 1rem}.verdict{padding:1.1rem 1rem}h1{font-size:1.4rem}}",
        // Groups.
        "summary{cursor:pointer;border-radius:3px;list-style:none}summary::-webkit-details-marker{display:none}",
        "summary .row>:first-child::before{content:\"▸\";content:\"▸\"/\"\";color:var(--soft);display:inline-block;width:1.1em}",
        "details[open]>summary .row>:first-child::before{content:\"▾\";content:\"▾\"/\"\"}",
        "details[open]>summary .strip{display:none}details ul{margin-top:.6rem;padding-left:1rem;",
        "border-left:2px solid var(--line)}details li{padding:.6rem 0}details li:last-child{padding-bottom:0}",
        ".legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.8rem 0 0;font-size:.85rem}.legend .state{font-weight:500}",
        "table{border-collapse:collapse;font-size:.9rem}th,td,caption{text-align:left;vertical-align:top;padding:.4em .6em .4em 0}",
        ".served{width:100%}th{font-weight:400}thead th,caption{color:var(--soft)}",
        // For how much of their time people were served.
        ".served{overflow-wrap:normal}.served .soft{display:block}",
        ".served .state{white-space:normal}",
        "nav{margin-bottom:1rem}footer{margin-top:2.6rem;padding-top:1rem;border-top:1px solid var(--line);",
        "font-size:.9rem;color:var(--soft)}footer ul{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem}",
        // Colours that people have chosen: shapes and heights say what colours would.
        "@media(forced-colors:active){.i,.state{fill:CanvasText;color:CanvasText}.i>*+*{stroke:Canvas}",
        ".strip path,.strip .up{stroke:CanvasText}.strip .none{stroke:GrayText}.verdict,.card{border-left-color:CanvasText}}",
        "@media print{:root{--bg:#fff;--card:#fff}body{max-width:none;font-size:11pt}.skip,.stale,nav,footer ul{display:none}",
        ".strip,.i{print-color-adjust:exact}.card,.list>li,.log>li{break-inside:avoid}",
        "a{color:inherit}details::details-content{content-visibility:visible;height:auto}}",
        )
    };
}

macro_rules! more {
    () => {
        concat!(
        // What was said, newest first.
        ".log>li{position:relative;padding:0 0 1.4rem 1.3rem;border-left:2px solid var(--line);margin-left:.35rem}",
        ".log>li:last-child{border-color:transparent;padding-bottom:0}.log>li::before{content:\"\";position:absolute;",
        "left:-.43rem;top:.42rem;width:.7rem;height:.7rem;border-radius:50%;background:var(--soft);",
        "border:2px solid var(--bg)}.log h3{font-size:1rem}",
        ".days{width:100%}.days td:last-child,.days th:last-child{text-align:right}",
        // Reports.
        ".report *+h3,details+h3{margin-top:1.3rem}.points{list-style:disc;padding-left:1.2rem}.wide{overflow-x:auto}",
        // No letters beneath each other, and four columns on a phone.
        ".wide th,.wide td{min-width:4.2em}",
        // Forms.
        "input[type=email],button{font:inherit;color:inherit;padding:.5rem .8rem;border:1px solid var(--soft);border-radius:.4rem;",
        "background:var(--card);max-width:100%}input[type=email]{width:24rem}button{font-weight:600;cursor:pointer}",
        "fieldset{border:1px solid var(--line);border-radius:.6rem;margin:1rem 0;padding:.6rem 1.1rem}",
        "fieldset label{display:block;padding:.25rem 0}input[type=checkbox]{width:1.1rem;height:1.1rem;vertical-align:-.15em}",
        )
    };
}

/// Of the first page, the history, and where there is no page: calm, in both schemes, with colours that only states have.
pub(super) const FIRST: &str = first!();

/// Cascading style sheet of all other pages: that of the first one, and what is said, reports and forms need.
pub const STYLE: &str = concat!(first!(), more!());
