//! The one page that everybody may see.

use status::Markup;

use super::frame::put_head;

/// Asks for the token; `to` is where somebody wanted to go, `why` what was wrong with the last try, and `kept` what they had written.
pub fn log_in(to: &str, why: Option<&str>, kept: &str) -> Markup {
    let mut out = Markup::default();
    put_head(&mut out, "Log in", "Portcullis");
    out.raw("<main id=\"main\" tabindex=\"-1\" class=\"narrow\">\n<h1>Console</h1>\n");
    if let Some(why) = why {
        out.raw("<div class=\"news down\" role=\"alert\"><p>").text(why).raw("</p></div>\n");
    }
    out.raw("<form method=\"post\" action=\"/desk/log-in\">\n<input type=\"hidden\" name=\"to\" value=\"")
        .text(to);
    out.raw("\">\n<p><label for=\"token\">Token <span class=\"hint\">From the file console.token in the gate's state folder</span></label>\n");
    out.raw("<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required maxlength=\"256\"></p>\n");
    out.raw("<p><button class=\"first\">Log in</button></p>\n</form>\n");
    if !kept.is_empty() {
        out.raw("<p><label for=\"kept\">What you wrote <span class=\"hint\">Copy it before you go on</span></label>\n");
        out.raw("<textarea id=\"kept\" rows=\"8\" readonly dir=\"auto\">\n");
        super::put_lines(&mut out, kept);
        out.raw("</textarea></p>\n");
    }
    out.raw(
        "<p class=\"soft\">It lasts eight hours, in this browser alone.</p>\n</main>\n</body>\n</html>\n",
    );
    out
}
