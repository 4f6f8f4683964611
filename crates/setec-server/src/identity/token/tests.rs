use super::*;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use secretary_serve::Peer;

const TOKEN: &[u8] = b"a token of twenty or more bytes";

fn hash_of(token: &[u8]) -> String {
    Hex(Sha256::digest(token).into()).to_string()
}

fn entry_of(name: &str, token: &[u8], more: &str) -> String {
    format!("[[token]]\nname = \"{name}\"\nsha256 = \"{}\"\n{more}\n", hash_of(token))
}

fn identify(tokens: &Tokens, headers: &[&str]) -> Result<Option<Known>, Unidentified> {
    let address = ([10, 0, 0, 1], 1).into();
    let peer = Peer { address, local: address, certificates: None };
    let mut map = HeaderMap::new();
    for header in headers {
        map.append(AUTHORIZATION, HeaderValue::from_str(header).expect("a header"));
    }
    tokens.identify(Evidence { peer: &peer, headers: &map })
}

#[test]
fn what_was_minted_is_known_by_its_entry() {
    let minted = mint("ci", Some("2999-01-01T00:00:00+01:00")).expect("a token");
    let again = mint("ci", None).expect("a token");
    let token = str::from_utf8(minted.token.expose()).expect("ASCII").to_string();
    assert_eq!((token.len(), &token[..3]), (46, "st_"));
    assert_ne!(minted.token, again.token);
    assert!(!minted.entry.contains(&token[3..]) && !format!("{minted:?}").contains(&token[3..]));
    let tokens = parse(&format!("{}\n{}", again.entry, minted.entry)).expect("two tokens");
    for word in ["Bearer", "bearer", "BEARER"] {
        let known =
            identify(&tokens, &[&format!("{word} {token}")]).expect("known").expect("known");
        assert_eq!(
            (known.names, known.principal.user.as_str()),
            (["token:ci".to_string()].into(), "token:ci")
        );
        assert_eq!(known.principal.ip, Some([10, 0, 0, 1].into()));
        assert_eq!((known.rules.len(), known.principal.tags.len()), (0, 0));
    }
}

#[test]
fn a_header_with_anything_else_is_refused() {
    let token = str::from_utf8(TOKEN).expect("text");
    let short = "nineteen bytes long";
    assert_eq!(short.len(), SHORTEST - 1);
    let text = [entry_of("ci", TOKEN, ""), entry_of("short", short.as_bytes(), "")].concat();
    let tokens = parse(&text).expect("two tokens");
    let bearer = |token: &str| format!("Bearer {token}");
    assert!(identify(&tokens, &[&bearer(token)]).is_ok_and(|known| known.is_some()));
    assert_eq!(identify(&tokens, &[]), Ok(None));
    let cut = &token[..token.len() - 1];
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        token,
        &bearer(cut),
        &bearer(&format!("{token}x")),
        &bearer(&token.to_uppercase()),
        &bearer(&hash_of(TOKEN)),
        &bearer(short),
        &format!("Basic {token}"),
        &format!("Bearer{token}"),
    ] {
        let refused = identify(&tokens, &[header]).expect_err("it is refused");
        assert!(!refused.0.contains(cut) && !refused.0.contains(short), "{refused}");
    }
    // Which of two counts could be understood in two ways.
    assert!(identify(&tokens, &[&bearer(token), &bearer(token)]).is_err());
}

#[test]
fn a_token_ends_when_it_expires() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    for expires in [
        "expires = 2026-01-01T00:00:00Z",
        "expires = \"2026-01-01T00:00:00Z\"",
        "expires = 2026-01-01T02:00:00.25+02:00",
        "expires = \"2025-12-31T19:00:00-05:00\"",
    ] {
        let tokens = parse(&entry_of("ci", TOKEN, expires)).expect("a token");
        assert_eq!(tokens.name_of(TOKEN, || at(1_767_225_599)), Ok("token:ci"), "{expires}");
        assert!(tokens.name_of(TOKEN, || at(1_767_225_600)).is_err(), "{expires}");
    }
}

#[test]
fn a_file_that_is_wrong_is_refused_and_not_repeated() {
    let good = entry_of("ci", TOKEN, "");
    assert_eq!(parse("").expect("no tokens").len(), 0);
    assert_eq!(parse(&good.to_uppercase().to_lowercase()).expect("one").len(), 1);
    let hash = hash_of(TOKEN);
    let canary = "st_CANARYCANARYCANARYCANARYCANARY";
    for (text, line) in [
        (format!("\ntoken = \"{canary}\""), 2),
        (format!("\n\n{canary}"), 3),
        (format!("[[tokens]]\nname = \"{canary}\""), 1),
        (format!("[[token]]\nname = \"ci\"\nsha256 = \"{canary}\""), 1),
        (format!("[[token]]\nname = \"{canary}\"\nsha256 = \"{hash}\""), 1),
        (format!("[[token]]\nname = \"a b\"\nsha256 = \"{hash}\""), 1),
        (format!("[[token]]\nname = \"\"\nsha256 = \"{hash}\""), 1),
        (format!("[[token]]\nname = \"ci\"\nsha256 = \"{}\"", &hash[..62]), 1),
        (format!("[[token]]\nname = \"ci\"\nsha256 = \"+{}\"", &hash[1..]), 1),
        (format!("[[token]]\nname = \"ci\"\nsha256 = \"é{}\"", &hash[2..]), 1),
        (format!("[[token]]\nname = \"ci\"\nsha256 = \"{hash}\"\nexpire = \"{canary}\""), 1),
        (format!("{good}{}", entry_of("b", b"another token of many bytes", "expires = 5")), 5),
        (format!("{good}{}", entry_of("b", b"another", "expires = 2026-01-01T00:00:00")), 5),
        (format!("{good}{}", entry_of("b", b"another", "expires = 2026-01-01")), 5),
        (format!("{good}{}", entry_of("b", b"another", "expires = \"soon\"")), 5),
        (format!("{good}{}", entry_of("b", b"another", "expires = \"2026-02-30T00:00:00Z\"")), 5),
        (format!("{good}{}", entry_of("b", TOKEN, "")), 5),
    ] {
        let what = parse(&text).expect_err(&text);
        assert!(!what.contains("CANARY") && !what.contains("soon"), "{what}");
        assert!(what.starts_with("line "), "{what}");
        // Where the syntax is at fault, the line is the library's to say.
        let said: usize =
            what[5..].split(':').next().and_then(|line| line.parse().ok()).expect("a line");
        assert!(
            said == line || text.contains("[[tokens") || text.contains("expire ="),
            "{what}: {text}"
        );
    }
}

#[test]
fn a_wrong_key_is_named_unless_it_could_be_a_token() {
    let hash = hash_of(TOKEN);
    let of = |key: &str| {
        let text = format!("[[token]]\nname = \"ci\"\n{key} = \"{hash}\"\n");
        parse(&text).expect_err("an unknown key")
    };
    let known = "expected one of `name`, `sha256`, `expires`";
    assert_eq!(of("sha255"), format!("line 3: unknown field `sha255`, {known}"));
    assert_eq!(of("expires_at"), format!("line 3: unknown field `expires_at`, {known}"));
    let wrong_table = parse(&entry_of("ci", TOKEN, "").replace("[[token]]", "[[tokens]]"));
    let expected = "line 1: unknown field `tokens`, expected `token`";
    assert_eq!(wrong_table.expect_err("an unknown table"), expected);
    for key in [
        "st_CANARY",
        "CANARYCANARY",
        "\"CANARY A\"",
        "\"CANARY`\"",
        "\"CANARY`, expected `\"",
        "\"CANARY\\n\"",
    ] {
        let what = of(key);
        assert!(what.starts_with("line 3: it takes entries of TOML"), "{what}");
    }
}

#[test]
fn a_token_that_has_expired_is_not_made() {
    for end in ["2020-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2020-01-01T00:00:00-12:00"] {
        assert!(matches!(mint("ci", Some(end)), Err(MintError::Expired)), "{end}");
    }
}

#[test]
fn names_are_short_and_plain() {
    for name in ["ci", "a/b.c_d-e@f", &"x".repeat(64)] {
        assert!(mint(name, None).is_ok(), "{name}");
    }
    for name in ["", "a b", "é", "a\"b", "a\nb", "st_abc", "a*", "a:b", &"x".repeat(65)] {
        assert!(matches!(mint(name, None), Err(MintError::Name)), "{name}");
    }
    for end in ["", "tomorrow", "2027-01-01", "2027-01-01T00:00:00", "2027-13-01T00:00:00Z"] {
        assert!(matches!(mint("ci", Some(end)), Err(MintError::Expires)), "{end}");
    }
}
