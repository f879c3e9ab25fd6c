//! The form of those who want mail, and what they are answered.

use crate::{FormPage, Forms, PageData, content_security_policy, render, samples};

#[test]
fn a_page_that_can_be_subscribed_to_says_so_everywhere_and_a_copy_too() {
    let page = samples::page().with_subscribing("https://live.shop.example").expect("it is an address");
    for view in [samples::calm(), samples::nested()] {
        let bundle = render(&view, &page, samples::AT);
        let form = super::text(&bundle, "subscribe.html");
        assert!(
            form.contains("<form method=\"post\" action=\"https://live.shop.example/subscribe\">"),
            "{form}"
        );
        assert!(form.contains("form-action &#39;self&#39; https://live.shop.example\""), "{form}");
        for (path, _) in bundle.files().filter(|(path, _)| path.ends_with(".html")) {
            assert!(super::text(&bundle, path).contains("subscribe.html\">By mail</a>"), "{path}");
        }
        let copy =
            PageData::read(&bundle.get(PageData::PATH).expect("it has data").bytes).expect("it is a copy");
        assert_eq!(render(&copy.view, &copy.page, copy.at), bundle);
    }
    assert!(
        content_security_policy(page.subscribing()).contains("form-action 'self' https://live.shop.example;")
    );
    let without = render(&samples::calm(), &samples::page(), samples::AT);
    assert!(
        without.get("subscribe.html").is_none()
            && content_security_policy(None).contains("form-action 'none'")
    );
    assert!(samples::page().with_subscribing("javascript:alert(1)").is_err());
}

#[test]
fn what_a_link_holds_is_shown_back_and_becomes_no_markup() {
    let page = samples::page().with_subscribing("https://live.shop.example").expect("it is an address");
    let view = samples::nested();
    let forms = Forms::of(&view, &page, samples::AT).expect("the page has a form");
    let web = view.components[2].id;
    assert!(forms.offers(web) && !forms.offers(samples::id("nothing")));
    let shown = |what: &FormPage<'_>| String::from_utf8(forms.page(what)).expect("pages are text");
    let choose = shown(&FormPage::Choose { handle: "abc-_9", chosen: &[web] });
    assert!(
        choose.contains(&format!("value=\"{web}\" checked>")) && choose.contains("?t=abc-_9\""),
        "{choose}"
    );
    assert_eq!(choose.matches(" checked>").count(), 1);
    let evil = "\"><script>alert(1)</script>";
    for what in [
        FormPage::Confirm { link: evil },
        FormPage::Leave { handle: evil },
        FormPage::Choose { handle: evil, chosen: &[] },
    ] {
        assert!(!shown(&what).contains("<script>alert"), "{what:?}");
    }
    for what in
        [FormPage::Asked, FormPage::Joined, FormPage::Left, FormPage::Busy, FormPage::NoLink, FormPage::Late]
    {
        let page = shown(&what);
        assert!(page.contains("<h1>") && page.ends_with("</html>\n") && page.contains("noindex"), "{what:?}");
    }
}
