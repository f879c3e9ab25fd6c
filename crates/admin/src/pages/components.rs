//! How components do, whatever the gate sees.

use incident::Status;
use status::Markup;

use super::frame::{self, Place};
use super::{Sheet, put_form, put_option};

/// The page.
pub fn components(sheet: &Sheet<'_>) -> Markup {
    let mut out = Markup::default();
    out.raw("<h1>Components</h1>\n<p class=\"soft\">What a person says of a component holds until it is left to the gate again. ");
    out.raw("The public sees it at once.</p>\n");
    if sheet.known.components.is_empty() {
        out.raw("<p>None: the configuration names them as [[status.component]].</p>\n");
        return frame::page(sheet, Place::Components, "Components", &out);
    }
    out.raw("<ul class=\"list\">\n");
    for (place, component) in sheet.known.components.iter().enumerate() {
        let place = u64::try_from(place).unwrap_or_default();
        out.raw("<li class=\"set\"><div><strong dir=\"auto\">").text(&component.name).raw("</strong><br>\n");
        out.state(component.status, component.status.label());
        out.raw(if component.is_said {
            " <span class=\"soft\">a person says so</span></div>\n"
        } else {
            "</div>\n"
        });
        put_form(&mut out, sheet, "/desk/components", component.revision, |out| {
            out.raw("<input type=\"hidden\" name=\"name\" value=\"").text(&component.name).raw("\">\n");
            out.raw("<label class=\"hint\" for=\"as")
                .number(place)
                .raw("\">Show as</label>\n<select id=\"as")
                .number(place);
            out.raw("\" name=\"status\">\n");
            put_option(out, "", "Left to the gate", "-");
            for status in Status::ALL {
                let chosen = if component.is_said { component.status.name() } else { "-" };
                put_option(out, status.name(), status.label(), chosen);
            }
            out.raw("</select>\n<button aria-label=\"Say it of ")
                .text(&component.name)
                .raw("\">Say it</button>\n");
        });
        out.raw("</li>\n");
    }
    out.raw("</ul>\n");
    frame::page(sheet, Place::Components, "Components", &out)
}
