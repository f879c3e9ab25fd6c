//! The one page that everybody may see, and the one that is there when nothing is known.

use status::Markup;

use super::frame::put_head;
use super::{WRITTEN, put_written};
use crate::Form;

/// Asks for the token; `to` is where somebody wanted to go, `why` what was wrong with the last try, and `form` what they had written.
pub fn log_in(to: &str, why: Option<&str>, form: &Form) -> Markup {
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
    put_written(&mut out, form, &WRITTEN);
    out.raw(
        "<p class=\"soft\">It lasts eight hours, in this browser alone.</p>\n</main>\n</body>\n</html>\n",
    );
    out
}

/// Says why nothing can be shown at `to`, and what somebody had written there.
pub fn adrift(to: &str, why: &str, form: &Form) -> Markup {
    let mut out = Markup::default();
    put_head(&mut out, "Not done", "Portcullis");
    out.raw("<main id=\"main\" tabindex=\"-1\" class=\"narrow\">\n<h1>It was not done</h1>\n");
    out.raw("<div class=\"news down\" role=\"alert\"><p>").text(why).raw("</p></div>\n");
    put_written(&mut out, form, &WRITTEN);
    out.raw("<p><a href=\"").text(to).raw("\">Load the page again</a></p>\n</main>\n</body>\n</html>\n");
    out
}
