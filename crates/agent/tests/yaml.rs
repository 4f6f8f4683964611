//! YAML against what the agents' own library was recorded to do, and the limits of ours.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_agent::tester::secrets::{handle_in, handles, resolve, resolved_text};
use secretary_agent::yaml::{
    DEEPEST, Document, LONGEST_TEXT, MOST_VALUES, Mapping, Place, Style, Text, Value, YamlError,
    emit,
};
use secretary_secret::Secret;
use serde::Deserialize;

fn vectors<T: for<'a> Deserialize<'a>>(file: &str) -> T {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("recorded")).expect("its format")
}

fn parse(text: &str) -> Value {
    Document::parse(text.as_bytes()).expect("YAML").root
}

fn refused(text: &str) -> YamlError {
    Document::parse(text.as_bytes()).expect_err("no YAML")
}

fn emitted(value: &Value) -> String {
    String::from_utf8(emit(value).expose().to_vec()).expect("emitted is text")
}

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<RecordedCase>,
}

#[derive(Deserialize)]
struct RecordedCase {
    rule: String,
    input: Option<String>,
    input_base64: Option<String>,
    output: Option<String>,
    error: Option<String>,
}

impl RecordedCase {
    fn input(&self) -> Vec<u8> {
        match (&self.input, &self.input_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(bytes)) => STANDARD.decode(bytes).expect("base 64"),
            _ => panic!("{}: one input", self.rule),
        }
    }
}

/// Up to the line, if there is one.
fn beginning(error: &str) -> &str {
    let rest = error.strip_prefix("yaml: ").expect("it begins so");
    let line = rest.split_once(": ").filter(|(line, _)| line.starts_with("line "));
    line.map_or("yaml: ", |(line, _)| &error[.."yaml: : ".len() + line.len()])
}

#[test]
fn reads_and_writes_as_yaml_v2() {
    let recorded: Recorded = vectors("go-yaml.json");
    let mut in_other_words = BTreeMap::new();
    for case in &recorded.cases {
        let input = case.input();
        let shown = format!("{}: {:?}", case.rule, String::from_utf8_lossy(&input));
        match (Document::parse(&input), &case.output, &case.error) {
            (Ok(document), Some(output), None) => {
                assert_eq!(&emitted(&document.root), output, "{shown}");
            }
            (Err(error), None, Some(expected)) => {
                let said = error.to_string();
                assert_eq!(beginning(&said), beginning(expected), "{shown}");
                if &said != expected {
                    in_other_words.insert(said, expected);
                }
            }
            (answer, ..) => panic!("{shown}: {answer:?}"),
        }
    }
    assert!(recorded.cases.len() > 700);
    // Those that repeat a name or a value in Go, and two that are found at another place.
    assert_eq!(in_other_words.len(), 11, "{in_other_words:#?}");
}

#[derive(Deserialize)]
struct AgentCases {
    strings: Vec<StringCase>,
    texts: Vec<TextCase>,
}

#[derive(Deserialize)]
struct StringCase {
    id: String,
    value: String,
    handle: Option<String>,
}

#[derive(Deserialize)]
struct TextCase {
    id: String,
    yaml: String,
    handles_sorted: Vec<String>,
    answer: Option<String>,
    output_yaml: Option<String>,
    unchanged_bytes: Option<bool>,
    error: Option<String>,
}

#[test]
fn knows_the_strings_that_are_secrets() {
    let cases: AgentCases = vectors("agent-yaml.json");
    for case in cases.strings {
        assert_eq!(handle_in(&case.value), case.handle.as_deref(), "{}", case.id);
    }
}

#[test]
fn puts_values_in_the_places_of_secrets_as_an_agent_does() {
    let cases: AgentCases = vectors("agent-yaml.json");
    for case in cases.texts {
        let id = &case.id;
        let found = match Document::parse(case.yaml.as_bytes()) {
            Ok(document) => handles(&document.root),
            Err(error) => {
                let said = format!("could not Unmarshal config: {error}");
                assert_eq!(Some(said), case.error, "{id}");
                continue;
            }
        };
        let mut sorted = found.clone();
        sorted.sort();
        assert_eq!(sorted, case.handles_sorted, "{id}");
        let value = |handle: &str| match &case.answer {
            Some(answer) => answer.clone(),
            None => format!("dec_{handle}"),
        };
        let values: BTreeMap<String, Secret> = found
            .iter()
            .map(|handle| (handle.clone(), Secret::from(value(handle).into_bytes())))
            .collect();
        let text = resolved_text(case.yaml.as_bytes(), &|handle| values.get(handle));
        let text = text.expect("it was parsed");
        let output = case.output_yaml.expect("an output or an error");
        assert_eq!(String::from_utf8_lossy(text.expose()), output, "{id}");
        assert_eq!(case.unchanged_bytes, Some(output == case.yaml && found.is_empty()), "{id}");
    }
}

#[test]
fn lists_handles_in_the_order_of_the_document() {
    let root = parse("z: ENC[1]\na: [\"ENC[2]\", {y: \"ENC[1]\"}]\nENC[key]: 3\n");
    assert_eq!(handles(&root), ["1", "2", "1"]);
}

#[test]
fn leaves_what_has_no_value_and_does_not_look_at_values_again() {
    let mut root = parse("a: ENC[x]\nb: ENC[y]\n");
    let value = Secret::from(b"ENC[y]".as_slice());
    resolve(&mut root, &|handle| Some(&value).filter(|_| handle == "x"));
    assert_eq!(emitted(&root), "a: ENC[y]\nb: ENC[y]\n");
}

fn places(value: &Value, found: &mut Vec<(String, Place)>) {
    let mut add = |text: &Text| {
        found.push((
            text.as_str().expect("text").to_string(),
            text.place().expect("it stood somewhere"),
        ));
    };
    match value {
        Value::String(text) => add(text),
        Value::Sequence(items) => items.iter().for_each(|item| places(item, found)),
        Value::Mapping(mapping) => mapping.iter().for_each(|(key, value)| {
            places(key, found);
            places(value, found);
        }),
        _ => {}
    }
}

#[test]
fn tells_where_and_how_each_string_stood() {
    let text =
        "ENC[k]: plain\nl: ['s', \"d\"]\n\nt: |\n  lit\nf: !x &a >-\n  fol\n  ded\n# c\nr: *a\n";
    let mut found = Vec::new();
    places(&parse(text), &mut found);
    let expected = [
        ("ENC[k]", 1, Style::Plain, false),
        ("plain", 1, Style::Plain, false),
        ("l", 2, Style::Plain, false),
        ("s", 2, Style::SingleQuoted, true),
        ("d", 2, Style::DoubleQuoted, true),
        ("t", 4, Style::Plain, false),
        ("lit\n", 4, Style::Literal, false),
        ("f", 6, Style::Plain, false),
        ("fol ded", 6, Style::Folded, false),
        ("r", 10, Style::Plain, false),
        ("fol ded", 6, Style::Folded, false),
    ];
    let expected = expected
        .map(|(text, line, style, in_flow)| (text.to_string(), Place { line, style, in_flow }));
    assert_eq!(found, expected);
}

#[test]
fn splits_a_file_into_sections_that_are_written_alone() {
    let mut root = parse("init_config:\ninstances:\n- {b: 1, a: x}\n- c: ENC[h]\nlogs: [{p: 2}]\n");
    assert_eq!(root.take("init_config"), Some(Value::Null));
    assert_eq!(root.take("jmx_metrics"), None);
    let instances = root.get("instances").and_then(Value::as_sequence).expect("a list");
    assert_eq!(instances.iter().map(emitted).collect::<Vec<_>>(), ["a: x\nb: 1\n", "c: ENC[h]\n"]);
    assert_eq!(handles(&instances[1]), ["h"]);
    let mut built = Mapping::default();
    built.insert("name", Value::from("check"));
    built.insert("list", Value::from(vec![Value::from("1"), Value::Boolean(true)]));
    built.insert("name", Value::string(b"other".as_slice()));
    assert_eq!(emitted(&Value::from(built)), "list:\n- \"1\"\n- true\nname: other\n");
}

#[test]
fn prints_nothing_of_a_document() {
    let document = Document::parse(b"password: 12345\npin: hunter2\n").expect("YAML");
    let value = document.root.get("pin").expect("it is there");
    let shown = format!("{document:?} {value:?} {:?}", document.root.get("password"));
    assert_eq!(shown, "Document { root: Mapping(..) } String(..) Some(Integer(..))");
}

#[test]
fn repeats_nothing_of_a_text_that_is_refused() {
    let texts = [
        "password: *hunter2\n",
        "a: &hunter2 [*hunter2]\n",
        "password: !!int hunter2\n",
        "password: !!binary hunter2!\n",
        "{{ hunter2 }}: 1\n",
        "? [hunter2]\n: 1\n",
        "password: hunter2: x\n",
        "password: \"hunter2\n",
        "password: \"\\hunter2\"\n",
        "%hunter2\n---\n",
        "!hunter2!x a\n",
    ];
    for text in texts {
        let error = refused(text);
        assert!(!format!("{error} {error:?} {}", error.problem()).contains("hunter2"), "{text}");
    }
}

#[test]
fn names_the_line_of_an_error_as_people_count_it() {
    assert_eq!(refused("a: 1\nb: c: d\n").line(), Some(2));
    assert_eq!(refused("a: 1\nb: [c\n").line(), Some(3));
    assert_eq!(refused("a: 1\n\nb: *c\n").line(), Some(3));
    assert_eq!(refused("a: 1\nb: !!int c\n").line(), Some(2));
    let error = refused("a:\n  - b\n c: [d]\n");
    assert_eq!(
        (error.to_string().as_str(), error.line()),
        ("yaml: line 2: did not find expected key", Some(3))
    );
}

#[test]
fn refuses_what_is_too_deep() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(emitted(&parse(&nested(DEEPEST))), format!("{}[]\n", "- ".repeat(DEEPEST - 1)));
    for text in
        [nested(DEEPEST + 1), nested(100_000), "- ".repeat(DEEPEST + 1), "{a: ".repeat(20_000)]
    {
        assert_eq!(refused(&text).problem(), "exceeded max depth of 100");
    }
    let deeper_by_alias =
        format!("- &a {}\n- {}*a{}\n", nested(60), "[".repeat(60), "]".repeat(60));
    assert_eq!(refused(&deeper_by_alias).problem(), "exceeded max depth of 100");
}

#[test]
fn refuses_what_is_too_much() {
    let error = Document::parse(&vec![b' '; LONGEST_TEXT + 1]).expect_err("too long");
    assert_eq!(error.to_string(), "yaml: the text is longer than 4 MiB");
    let many = format!("[{}]", "1,".repeat(MOST_VALUES));
    assert_eq!(refused(&many).problem(), "the document has more than 500000 values");
    let long = "x".repeat(20_000);
    let repeated = format!("- &a {long}\n{}", "- *a\n".repeat(1000));
    assert_eq!(refused(&repeated).problem(), "the document has more than 16 MiB of text");
}

#[test]
fn refuses_what_aliases_make_too_much_of() {
    let mut text = String::from("a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    assert_eq!(refused(&text).problem(), "document contains excessive aliasing");
    assert!(
        Document::parse(text.split_inclusive('\n').take(3).collect::<String>().as_bytes()).is_ok()
    );
}

#[test]
fn is_quick_where_a_text_has_to_be_changed_often() {
    let commas = format!("[{}]", "!a, b, ".repeat(100));
    assert!(Document::parse(commas.as_bytes()).is_ok());
    for text in
        [format!("[{}]", "a:,".repeat(1_000_000)), format!("[{}]", "!a, b, ".repeat(500_000))]
    {
        assert_eq!(refused(&text).problem(), "the text is too tangled");
    }
}
