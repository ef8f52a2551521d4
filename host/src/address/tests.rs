//! IDs, names and addresses, and texts that are none.

use super::*;
use proptest::prelude::*;

#[test]
fn addresses_are_marked_in_json() {
    let address = Address::of_id(Id(7), "a:1".parse().unwrap());
    let json = serde_json::to_string(&address).unwrap();
    assert_eq!(json, r#"{"$address":"aaaaaaaaaaaaaaaaaaaaaaaaah@a:1"}"#);
    assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    for bad in [
        r#"{"$address":"x@a:1","more":1}"#,
        r#"{"$address":"x@a:1","$address":"x@a:1"}"#,
        r#"{"address":"x@a:1"}"#,
        "{}",
        r#"["x@a:1"]"#,
        r#""aaaaaaaaaaaaaaaaaaaaaaaaah@a:1""#,
    ] {
        assert!(serde_json::from_str::<Address>(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_error_repeats_little_of_a_long_text() {
    for text in ["\u{1}".repeat(1 << 20), format!("{}@a:1", "X".repeat(1 << 20)), format!("x@{}", "é".repeat(1 << 20))]
    {
        let said = text.parse::<Address>().expect_err("no address").to_string();
        assert!(said.len() < 1000 && said.contains('…') && !said.contains('\u{1}'), "{said}");
    }
}

#[test]
fn equal_is_who_is_named_in_the_same_way() {
    let read = |text: &str| text.parse::<Address>().expect(text);
    assert_eq!(read("name@Host:1"), read("name@host:1"));
    assert_ne!(read("name@host:1"), read("name@host:2"));
    assert_ne!(read("name@host:1"), read("nama@host:1"));
    let kept = std::collections::HashSet::from([read("name@host:1")]);
    assert!(kept.contains(&read("name@HOST:1")));
}

#[test]
fn the_bounds_of_names_and_hosts_are_exact() {
    let reads = |who: String, host: String| format!("{who}@{host}:1").parse::<Address>().is_ok();
    let name = |length: usize, mark: &str| format!("{}{mark}", "a".repeat(length - mark.len()));
    assert!(reads(name(19, ""), name(1, "")) && !reads(name(20, ""), name(1, "")));
    assert!(reads(name(64, "_"), name(1, "")) && !reads(name(65, "_"), name(1, "")));
    assert!(reads(name(1, ""), name(253, "")) && !reads(name(1, ""), name(254, "")));
}

/// The first half of an address, and what it is.
fn who() -> impl Strategy<Value = (String, Who)> {
    let short = "[a-z][a-z0-9]{0,18}";
    let long = "[a-z][a-z0-9]{0,30}[._-][a-z0-9._-]{0,32}";
    prop_oneof![
        any::<u128>().prop_map(|bits| (Id(bits).to_string(), Who::Id(Id(bits)))),
        prop_oneof![short, long].prop_map(|name| (name.clone(), Who::Name(name.into()))),
    ]
}

/// The second half: as it may be written, its host as a node writes it, its port.
fn place() -> impl Strategy<Value = (String, String, u16)> {
    let host = prop_oneof![
        "[a-zA-Z_-][a-zA-Z0-9._-]{0,40}".prop_map(|name| (name.clone(), name.to_ascii_lowercase())),
        any::<std::net::Ipv4Addr>().prop_map(|address| (address.to_string(), address.to_string())),
        any::<std::net::Ipv6Addr>().prop_map(|address| (format!("[{address}]").to_uppercase(), format!("[{address}]"))),
    ];
    (host, any::<u16>(), 0..3usize)
        .prop_map(|((host, written), port, zeros)| (format!("{host}:{}{port}", "0".repeat(zeros)), written, port))
}

/// Whatever a text is, all that read it must agree.
fn is_read_in_one_way(text: &str) -> bool {
    let read = text.parse::<Address>();
    assert_eq!(is_address(text), read.is_ok(), "{text:?}");
    assert!(read.is_err() || split(text).is_ok(), "{text:?}");
    if let Ok(address) = &read {
        let written = address.to_string();
        assert_eq!(written.parse::<Address>().as_ref(), Ok(address), "{text:?}");
        assert_eq!(written.parse::<Address>().map(|address| address.to_string()), Ok(written), "{text:?}");
    }
    // A node's name has a cookie where an address has an ID or a name: whatever is an address is one too.
    assert!(text.parse::<NodeName>().is_ok() || read.is_err(), "{text:?}");
    read.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn an_id_has_one_text(bits: u128) {
        let text = Id(bits).to_string();
        prop_assert_eq!(Id::parse(text.as_bytes()), Some(Id(bits)));
        prop_assert!(!is_name(&text));
    }

    #[test]
    fn a_text_is_an_id_or_a_name_or_neither(text in "([a-z2-7._-]{1,70}|[a-z2-7]{26}|[a-z][a-z0-9]{15,30})") {
        if let Some(id) = Id::parse(text.as_bytes()) {
            prop_assert_eq!(id.to_string(), text.clone());
            prop_assert!(!is_name(&text));
        }
    }

    #[test]
    fn what_is_put_together_is_taken_apart((who, is) in who(), (place, host, port) in place()) {
        let text = format!("{who}@{place}");
        prop_assert!(is_read_in_one_way(&text), "{} is an address", text);
        let expected = match &is {
            Who::Id(id) => WhoRef::Id(*id),
            Who::Name(name) => WhoRef::Name(name),
        };
        prop_assert_eq!(split(&text), Ok((expected, &place[..])));
        let address: Address = text.parse().expect("an address");
        prop_assert_eq!(&address.who, &is);
        prop_assert_eq!((address.place().host(), address.place().port()), (&host[..], port));
    }

    #[test]
    fn no_text_breaks_the_parser(text in prop_oneof![any::<String>(), "[a-z2-7]{25,27}@?\\PC{0,8}:[0-9]{0,6}"]) {
        is_read_in_one_way(&text);
    }

    #[test]
    fn no_damage_to_an_address_breaks_the_parser(
        (who, _) in who(),
        (place, ..) in place(),
        at: proptest::sample::Index,
        with in "[@:.\\[\\]a-zA-Z0-9é𝄞\u{0}]{0,3}",
        removed in 0..3usize,
    ) {
        let text = format!("{who}@{place}");
        let from = at.index(text.len());
        is_read_in_one_way(&format!("{}{with}{}", &text[..from], &text[(from + removed).min(text.len())..]));
    }
}
