//! The whole server, over its socket, with requests as bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use secretary_test_cluster::{Answer, App, CANARY, Server, Task, Wire};
use serde_json::{Value, json};

/// Long enough for a loaded machine, short enough to see what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

const APP: &str = "/v2/apps/demo/webapp?embed=apps.tasks";
const VERSION: &str = "/v2/apps/demo/webapp/versions/2015-12-04T12%3A25%3A08.426Z";
const TASKS: &str = "POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"type\":\"GET_TASKS\"}";

/// A server with an app and a task.
fn server() -> Server {
    let server = Server::start();
    let app = App::new("/demo/webapp", "2015-12-04T12:25:08.426Z")
        .task("demo.1")
        .task_of("demo.2", "2015-11-04T12:25:08.426Z", "TASK_KILLING")
        .env("A", "ENC[NACL,a]")
        .env("N", 5);
    server.run(&app);
    server.run_tasks(&[Task::new("job.1").state("TASK_FAILED").label("L", "1").label("L", "2")]);
    server
}

/// A connection on which this was sent.
fn send(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(request.as_bytes()).expect("it reads");
    stream
}

/// Everything that is answered to a request, which is to be the last of its connection.
fn ask(server: &Server, request: &str) -> Vec<u8> {
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut answer = Vec::new();
    send(server, &request).read_to_end(&mut answer).expect("an end");
    answer
}

/// The same with `GET`, as text.
fn get(server: &Server, target: &str) -> String {
    get_with(server, target, "")
}

fn get_with(server: &Server, target: &str, headers: &str) -> String {
    let host = server.address();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
    String::from_utf8(ask(server, &request)).expect("text")
}

/// The JSON of a good answer.
fn json_of(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    serde_json::from_str(body).expect("JSON")
}

#[test]
fn marathon_knows_an_app_its_tasks_and_its_version() {
    let server = server();
    let app = json_of(&get(&server, APP));
    assert_eq!(app["app"]["id"], "/demo/webapp");
    assert_eq!(app["app"]["tasks"][0]["version"], "2015-12-04T12:25:08.426Z");
    assert_eq!(app["app"]["tasks"][1]["state"], "TASK_KILLING");
    let version = json_of(&get(&server, VERSION));
    assert_eq!(version["version"], "2015-12-04T12:25:08.426Z");
    assert_eq!(version["env"], json!({"A": "ENC[NACL,a]", "N": 5}));
    assert!(version.get("tasks").is_none());
    for target in ["/v2/apps/demo?embed=apps.tasks", "//v2/apps/demo/webapp?embed=apps.tasks"] {
        assert!(get(&server, target).starts_with("HTTP/1.1 404 Not Found\r\n"), "{target}");
    }
    let put = ask(&server, &format!("PUT {APP} HTTP/1.1\r\n\r\n"));
    assert!(put.starts_with(b"HTTP/1.1 405 "));
}

#[test]
fn a_mesos_master_lists_its_tasks() {
    let server = server();
    let answer = String::from_utf8(ask(&server, TASKS)).unwrap();
    let task = &json_of(&answer)["get_tasks"]["tasks"][0];
    assert_eq!(
        (&task["task_id"]["value"], &task["state"]),
        (&json!("job.1"), &json!("TASK_FAILED"))
    );
    let labels = json!([{"key": "L", "value": "1"}, {"key": "L", "value": "2"}]);
    assert_eq!(task["labels"]["labels"], labels);
    for (from, to) in [("POST", "GET"), ("GET_TASKS", "GET_STATE"), ("application/json", "text/x")]
    {
        let answer = ask(&server, &TASKS.replace(from, to));
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{to}: {}", answer.escape_ascii());
    }
}

#[test]
fn remembers_requests_as_they_came() {
    let server = server();
    get_with(&server, "/run-a/x?y=%2F", "Authorization: Basic abc\r\n");
    ask(&server, TASKS);
    let requests = server.requests();
    assert_eq!(
        (requests[0].method.as_str(), requests[0].target()),
        ("GET", "/run-a/x?y=%2F".into())
    );
    assert_eq!(requests[0].header("authorization"), "Basic abc");
    assert_eq!(requests[1].body, b"{\"type\":\"GET_TASKS\"}");
    let told = json_of(&get(&server, "/requests"));
    assert_eq!(told[1]["target"], "/api/v1");
    let asked = get(&server, "/asked");
    assert!(asked.ends_with("\r\n\r\nGET /run-a/x?y=%2F\nPOST /api/v1\n"), "{asked}");
    server.reset();
    assert!(server.requests().is_empty());
}

#[test]
fn answers_what_it_is_given_and_runs_what_it_is_told() {
    let server = server();
    let recorded = json!({"status": 404, "headers": [["X", "y"]], "body": {"base64": "/w=="}});
    server.serve(APP, Answer::recorded(&recorded));
    let answer = ask(&server, &format!("GET {APP} HTTP/1.1\r\n\r\n"));
    let expected = b"HTTP/1.1 404 Not Found\r\nX: y\r\nContent-Length: 1\r\n\r\n\xff";
    assert_eq!(answer.escape_ascii().to_string(), expected.escape_ascii().to_string());
    server.serve_with("/v1/echo", |request| Answer::new(200, "x/y", request.body.clone()));
    let echo = ask(&server, "POST /v1/echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    assert!(echo.ends_with(b"\r\n\r\nabc"));
    server.serve("/closed", Answer::status(200).sent(Wire::Close));
    assert_eq!(get(&server, "/closed"), "");

    let cluster = json!({"apps": [{"id": "/new", "version": "v", "tasks": ["t"]}]}).to_string();
    let put =
        format!("PUT /cluster HTTP/1.1\r\nContent-Length: {}\r\n\r\n{cluster}", cluster.len());
    assert!(ask(&server, &put).starts_with(b"HTTP/1.1 200 "));
    json_of(&get(&server, "/v2/apps/new?embed=apps.tasks"));
    assert!(get(&server, "/closed").starts_with("HTTP/1.1 404 "));
    assert!(ask(&server, &put.replace("apps", "appa")).starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_setting_takes_the_place_of_an_answer() {
    let server = server();
    let port = server.address().port();
    for (setting, status, words) in [
        ("status-503", "503", CANARY),
        ("status-200", "200", CANARY),
        ("html-500", "500", "<html>"),
        ("garbage", "200", "{]"),
        ("redirect", "302", &format!("\r\nLocation: http://127.0.0.1:{port}{APP}\r\n")),
        ("redirect-307", "307", &format!("\r\nLocation: http://127.0.0.1:{port}{APP}\r\n")),
        ("redirect-away-307", "307", &format!("\r\nLocation: http://localhost:{port}{APP}\r\n")),
    ] {
        let answer = get(&server, &format!("/{setting}{APP}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{setting}: {answer}");
        assert!(answer.contains(words), "{setting}: {answer}");
    }
    let twice = |_| get(&server, &format!("/status-503-first-2{APP}"))[9..12].to_string();
    assert_eq!([0, 1, 2].map(twice), ["503", "503", "200"]);
}

#[test]
fn wants_the_right_credentials() {
    let server = server();
    for (setting, right) in
        [("needs-basic-user-p:s-s", "Basic dXNlcjpwOnMtcw=="), ("needs-bearer-abc", "Bearer abc")]
    {
        let target = format!("/{setting}{APP}");
        json_of(&get_with(&server, &target, &format!("Authorization: {right}\r\n")));
        for wrong in ["", "Authorization: Basic abc\r\n"] {
            let answer = get_with(&server, &target, wrong);
            assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
            assert!(answer.contains("\r\nWWW-Authenticate: "), "{answer}");
        }
    }
}

#[test]
fn latency_is_at_least_what_it_says() {
    let (server, start) = (server(), Instant::now());
    json_of(&get(&server, &format!("/latency-80{APP}")));
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[test]
fn an_answer_is_cut_short_or_has_no_end() {
    let server = server();
    let whole = get(&server, APP).len();
    let half = get(&server, &format!("/truncate{APP}")).len();
    assert!(half < whole && half > whole / 2, "{half} of {whole}");
    assert_eq!(get(&server, &format!("/not-http{APP}")), "garbage\r\n\r\n");
    let mut huge = send(&server, &format!("GET /huge{APP} HTTP/1.1\r\n\r\n"));
    huge.read_exact(&mut vec![0; 65 << 20]).unwrap();
    let mut hung = send(&server, &format!("GET /hang{APP} HTTP/1.1\r\n\r\n"));
    hung.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(hung.read(&mut [0]).is_err());
    drop(server);
    hung.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(hung.read(&mut [0]).unwrap(), 0);
}

/// gzip(1) finds the checksum wrong, after it has written everything.
#[test]
fn the_bomb_is_small_and_unpacks_to_64_mebibytes() {
    let server = server();
    let answer = ask(&server, &format!("GET /gzip-bomb{APP} HTTP/1.1\r\n\r\n"));
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let (head, file) = answer.split_at(end);
    assert!(
        head.windows(b"Content-Encoding: gzip\r\n".len())
            .any(|bytes| bytes == b"Content-Encoding: gzip\r\n")
    );
    assert!(file.len() < 512 << 10, "{}", file.len());
    let mut gzip = Command::new("gzip")
        .args(["-d", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let file = file.to_vec();
    let writing = std::thread::spawn(move || input.write_all(&file));
    let unpacked = gzip.wait_with_output().unwrap().stdout;
    writing.join().unwrap().unwrap();
    assert!(unpacked.starts_with(b"{\"Plaintext\":\"AAAA"));
    assert!(unpacked.len() >= 64 << 20, "{}", unpacked.len());
}
