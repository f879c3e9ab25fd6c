//! What is said of a proxy before the gate that no `[[front]]` names.

use std::fmt::Write as _;

use edge_io::UndeclaredFront;

/// What is so, and what to do; one line.
pub(crate) fn undeclared(front: &UndeclaredFront) -> String {
    let names: Vec<String> = front.addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    let (mut through, many) = (names.join(", "), front.addresses.len());
    if many > SHOWN {
        let _infallible = write!(through, " and {} more", many - SHOWN);
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let (names_it, is_none) = if many > 1 { ("name", "are none") } else { ("names", "is none") };
    let name_it = format!(
        "write [[front]] with sources = [{}{}] and client_address = \"x-forwarded-for\", or where else it names them",
        quoted.join(", "),
        if many > SHOWN { ", ..." } else { "" }
    );
    if front.is_local {
        format!(
            "most requests come through {through}, which {names_it} other clients and {is_none} of the [[front]]s: its limits are those of 64 people, because all of them share it; {name_it}"
        )
    } else {
        format!(
            "most requests come from {through}, which {names_it} other clients and {is_none} of the [[front]]s: if that is a proxy of yours, everybody behind it is limited as one; {name_it}; do not, if it is not yours"
        )
    }
}

/// Addresses that are named.
const SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn front(addresses: &[&str], is_local: bool) -> UndeclaredFront {
        UndeclaredFront { addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(), is_local }
    }

    #[test]
    fn a_proxy_on_this_machine_is_named_with_what_to_write() {
        insta::assert_snapshot!("local", undeclared(&front(&["127.0.0.1"], true)));
    }

    #[test]
    fn many_on_the_internet_may_be_somebody_elses() {
        let many = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::1", "2001:db8::2"];
        insta::assert_snapshot!("on_the_internet", undeclared(&front(&many, false)));
    }
}
