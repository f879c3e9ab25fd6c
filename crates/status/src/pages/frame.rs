//! What is around the content of every page.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;

use super::Site;
use super::style::{FIRST, STYLE};
use crate::dates;
use crate::markup::Markup;
use crate::verdict::glyph;

/// One page: what differs in its frame.
pub(super) struct Frame<'a> {
    /// Before the site's name in the title.
    pub(super) title: &'a str,
    /// For search engines and for those who share a link.
    pub(super) description: &'a str,
    /// Of the page, below the site's address; begins with a slash. Empty: nobody shall find or share it.
    pub(super) path: &'a str,
    /// Leads from the page to the files at the top.
    pub(super) top: &'a str,
    /// Whether it needs no more of the style than the first page.
    pub(super) is_short: bool,
}

/// Three things that the page says without it, too: that a copy is old, by the reader's clock; when something was in the reader's own
/// time and how long ago; and, where the page has an address of its own and no form, what has changed since. It asks for the page once
/// every half minute while it is looked at (past the browser's copy, which may be a minute old by what the server allows), says the new verdict aloud, opens what was open, and leaves alone what somebody is in.
const SCRIPT: &str = concat!(
    "(n=>{const D=document,q=(s,d=D)=>d.querySelector(s),Q=s=>[...D.querySelectorAll(s)],m=q('#main'),L='en-GB',",
    "R=Intl.RelativeTimeFormat,r=R&&new R(L,{numeric:'auto'}),o=()=>{n.classList.toggle('old',new Date>new Date(n.dataset.until));",
    "r&&Q('p>time,dd>time,a>time,.row time,header time').map(t=>{if(t.dateTime[10]){",
    "const d=new Date(t.dateTime),s=(d-new Date)/6e4,a=Math.abs(s),f=(u,k)=>r.format(Math.round(s/u),k);",
    "t.dataset.l=(d.getTimezoneOffset()?d.toLocaleString(L,{weekday:'short',hour:'2-digit',minute:'2-digit',timeZoneName:'short'})+', ':'')",
    "+(a<60?f(1,'minute'):a<2880?f(60,'hour'):f(1440,'day'))}})};let s=m.innerHTML;o();setInterval(o,15e3);",
    "q('[rel=canonical]')&&!q('form')&&setInterval(()=>D.hidden||fetch('',{cache:'no-cache'}).then(a=>a.ok?a.text():'').then(x=>{",
    "const d=new DOMParser().parseFromString(x,'text/html'),b=q('#main',d),f=D.activeElement;",
    "if(!b||f!=m&&m.contains(f)||q('footer').contains(f))return;",
    "if(b.innerHTML!=s){s=b.innerHTML;const v=q('.verdict'),w=q('.verdict',d),k=Q('details').map(e=>e.open);",
    "if(v&&w){v.className=w.className;if(v.innerHTML!=w.innerHTML)v.innerHTML=w.innerHTML;w.remove()}",
    "[...m.children].map(e=>e==v||e.remove());m.append(...b.childNodes);Q('details').map((e,i)=>{if(k[i])e.open=true})}",
    "for(const e of['header span','footer'])q(e).innerHTML=q(e,d).innerHTML;",
    "D.title=d.title;q('[rel=icon]').href=q('[rel=icon]',d).getAttribute('href');n.dataset.until=q('#stale',d).dataset.until;o()",
    "}).catch(()=>{}),3e4)})(document.getElementById('stale'))",
);

/// What a page may load and run, and where its forms may lead. `frame-ancestors` is only obeyed in a header.
///
/// A page has one of the styles; the header, which is the same for all, allows them all.
pub(super) fn policy(subscribing: Option<&str>, styles: &[&str]) -> String {
    let forms = subscribing.map_or_else(|| "'none'".to_owned(), |base| format!("'self' {base}"));
    let styles: Vec<String> = styles.iter().map(|style| format!("'{}'", source_hash(style))).collect();
    format!(
        "default-src 'none'; style-src {}; script-src '{}'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action {forms}",
        styles.join(" "),
        source_hash(SCRIPT)
    )
}

/// How a policy names a style or script that stands in the page (Content Security Policy 3, 2.3.1): `sha256-…`.
pub fn source_hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(digest(&SHA256, text.as_bytes()).as_ref()))
}

/// A whole page around its content.
pub(super) fn page(site: &Site<'_>, frame: &Frame<'_>, content: &Markup) -> Markup {
    let mut out = Markup::default();
    put_head(&mut out, site, frame);
    out.raw("<body>\n<a class=\"skip\" href=\"#main\">Skip to content</a>\n");
    out.raw("<header><a href=\"").text(frame.top).raw("index.html\">").text(site.page.name());
    out.raw(" status</a>\n<span>As of ").time(site.at);
    if site.view.places > 0 {
        // Who has no probes sees by what people get; that needs no places.
        out.raw(" · checked from ").number(site.view.places.into());
        out.raw(if site.view.places == 1 { " place" } else { " places" });
    }
    out.raw("</span></header>\n");
    put_notice(&mut out, site);
    out.raw("<main id=\"main\" tabindex=\"-1\">\n").part(content).raw("</main>\n");
    put_foot(&mut out, site, frame);
    out.raw("<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    out
}

/// The way back from a page in a folder, through groups.
pub(super) fn put_way(out: &mut Markup, site: &Site<'_>, groups: &[usize]) {
    out.raw("<nav aria-label=\"Way back\"><a href=\"../index.html\">All components</a>");
    for group in groups.iter().filter_map(|group| site.tree.at(*group)) {
        out.raw(" › <a href=\"../c/").id(group.id).raw(".html\">").text(&group.name).raw("</a>");
    }
    out.raw("</nav>\n");
}

/// What is answered where there is no page. It is shown at any depth, so its links are whole.
pub(super) fn not_found(site: &Site<'_>) -> Markup {
    let mut content = Markup::default();
    content.raw(
        "<h1>There is no such page</h1>\n<p>The address may be mistyped, or what it led to is too old.</p>\n",
    );
    content.raw("<p><a href=\"").text(site.page.url()).raw("/\">See how everything does now</a></p>\n");
    let top = format!("{}/", site.page.url());
    let frame = Frame {
        title: "No such page",
        description: "There is no such page.",
        path: "",
        top: &top,
        is_short: true,
    };
    page(site, &frame, &content)
}

/// Seen when the copy is old, and without a script when it has been open for as long as that takes.
fn put_notice(out: &mut Markup, site: &Site<'_>) {
    let until = site.at + site.page.stale_after();
    out.raw("<p class=\"stale\" id=\"stale\" role=\"status\" data-until=\"").text(&dates::rfc3339(until));
    out.raw("\"><span>This may be out of date: it shows the state of ").time(site.at).raw(". See <a href=\"");
    out.text(site.page.url()).raw("/\">").text(site.page.url()).raw("</a> for now.</span></p>\n");
}

fn put_head(out: &mut Markup, site: &Site<'_>, frame: &Frame<'_>) {
    let name = site.page.name();
    let [short, whole] = &site.policies;
    let (policy, style) = if frame.is_short { (short, FIRST) } else { (whole, STYLE) };
    out.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // The policy has quotes of its own kind, and no letter of it comes from anybody.
    out.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"").text(policy).raw("\">\n");
    out.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    out.raw("<title>").text(frame.title).raw(" – ").text(name).raw(" status</title>\n");
    out.raw("<meta name=\"description\" content=\"").text(frame.description).raw("\">\n");
    if frame.path.is_empty() {
        out.raw("<meta name=\"robots\" content=\"noindex\">\n");
    } else {
        out.raw("<link rel=\"canonical\" href=\"").text(site.page.url()).text(frame.path).raw("\">\n");
        out.raw("<meta property=\"og:url\" content=\"").text(site.page.url()).text(frame.path).raw("\">\n");
    }
    // Browsers keep an icon by its address, so that of another state has another.
    out.raw("<link rel=\"icon\" type=\"image/svg+xml\" href=\"").text(frame.top).raw("favicon.svg?v=");
    out.raw(super::class(Some(site.verdict.look))).raw("\">\n");
    out.raw("<link rel=\"alternate\" type=\"application/atom+xml\" title=\"History\" href=\"");
    out.text(frame.top).raw("history.atom\">\n");
    out.raw("<meta property=\"og:type\" content=\"website\">\n<meta property=\"og:site_name\" content=\"");
    out.text(name).raw(" status\">\n<meta property=\"og:title\" content=\"").text(frame.title);
    out.raw(" – ").text(name).raw("\">\n<meta property=\"og:description\" content=\"");
    out.text(frame.description).raw("\">\n<style>").raw(style).raw("</style>\n</head>\n");
}

fn put_foot(out: &mut Markup, site: &Site<'_>, frame: &Frame<'_>) {
    out.raw("<footer>\n<ul>\n");
    let links = [
        ("index.html", "Now"),
        ("history.html", "History"),
        ("history.atom", "Feed"),
        ("api/v2/summary.json", "JSON"),
        ("status.txt", "Plain text"),
        ("badge.svg", "Badge"),
    ];
    for (path, words) in links {
        out.raw("<li><a href=\"").text(frame.top).raw(path).raw("\">").raw(words).raw("</a></li>\n");
    }
    if site.page.subscribing().is_some() {
        out.raw("<li><a href=\"").text(frame.top).raw("subscribe.html\">By mail</a></li>\n");
    }
    out.raw("</ul>\n");
    if let Some(support) = site.page.support() {
        out.raw("<p>");
        match &support.link {
            Some(link) => out.raw("<a href=\"").text(link).raw("\">").text(&support.text).raw("</a>"),
            None => out.text(&support.text),
        };
        out.raw("</p>\n");
    }
    out.raw("<p>This page shows the state of ").time(site.at).raw(". If that is more than ");
    out.text(&dates::length(site.page.stale_after())).raw(" ago, this copy is out of date: see <a href=\"");
    out.text(site.page.url()).raw("/\">").text(site.page.url()).raw("</a>.</p>\n</footer>\n");
}

/// `◆ Partial outage`: what a tab shows.
pub(super) fn state_title(site: &Site<'_>) -> String {
    format!("{} {}", glyph(site.verdict.look), site.verdict.word)
}
