//! Answers as Marathon and Mesos give them, with something wrong in most of them.

use crate::json::{Json, Random};
use crate::{APP, OTHER_TOKEN, OTHER_TOKEN_SHA256, TASK, TIMES, TOKEN, TOKEN_SHA256, VARIABLE};

const KEYS: [&str; 3] = [
    "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=",
    "NAlkJ9tBhzW2dxyCJNmLgMPa74kgWbI3K4WtzYh+yys=",
    "-----BEGIN NACL PUBLIC KEY-----\nkVOhhw2wAJuAofxO7h4EM0xboxGAwnsq9J6fluFY5CQ=\n-----END NACL PUBLIC KEY-----\n",
];
const NO_KEYS: [&str; 4] =
    ["", "nonsense", "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0", "kVOhhw2wAJuAofxO7h4EM0xboxGA"];
const OTHER_APPS: [&str; 7] =
    ["", "/", "/demo/webapp2", "demo/webapp", "//demo/webapp", "/Demo/webapp", "/demo/webapp/"];
const OTHER_TIMES: [&str; 5] =
    ["", "garbage", "2015-12-04T12:25:08.427Z", "2015-11-04T12:25:08.426Z", "0001-01-01T00:00:00Z"];
const OTHER_TASKS: [&str; 4] =
    ["", "demo_webapp.0f826da3", "demo_webapp.0f810e1", "DEMO_WEBAPP.0F810E10"];
const ALIVE: [&str; 4] = ["TASK_RUNNING", "TASK_RUNNING", "TASK_STAGING", "TASK_STARTING"];
const DEAD: [&str; 7] = [
    "",
    "RUNNING",
    "task_running",
    "TASK_KILLED",
    "TASK_KILLING",
    "TASK_FAILED",
    "TASK_UNREACHABLE",
];

/// Makes answers, and knows which of them may not be read at all.
pub(crate) struct Maker {
    pub(crate) seed: u64,
    pub(crate) random: Random,
    broken: bool,
}

/// Whether an answer without a member can be read.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    Required,
    Optional,
}
use Need::{Optional, Required};

type Member = (&'static str, Json, Need);

impl Maker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, random: Random(seed), broken: false }
    }

    /// Whether an answer so far is none that may be read: because a member is there twice, or is of another type, or
    /// the whole is no JSON.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// An app with its tasks.
    pub(crate) fn app(&mut self) -> String {
        let id = self.text(&[APP], &OTHER_APPS, Optional);
        let tasks = self.list_of_tasks(Self::app_task);
        let app = self.object(vec![("id", id, Optional), ("tasks", tasks, Optional)]);
        let answer = self.object(vec![("app", app, Required)]);
        self.written(&answer)
    }

    /// A version of an app.
    pub(crate) fn app_version(&mut self) -> String {
        let id = self.text(&[APP], &OTHER_APPS, Optional);
        let version = self.text(&TIMES, &OTHER_TIMES, Optional);
        let env = self.env();
        let answer = self.object(vec![
            ("id", id, Optional),
            ("version", version, Optional),
            ("env", env, Optional),
        ]);
        self.written(&answer)
    }

    /// All tasks of a cluster.
    pub(crate) fn tasks(&mut self) -> String {
        let tasks = self.list_of_tasks(Self::mesos_task);
        let tasks = self.object(vec![("tasks", tasks, Optional)]);
        let answer = self.object(vec![("get_tasks", tasks, Required)]);
        self.written(&answer)
    }

    /// Tasks, among them the one that is asked about, or not, or twice.
    fn list_of_tasks(&mut self, task: fn(&mut Self, &[&str]) -> Json) -> Json {
        let mut tasks = Vec::new();
        for _ in 0..self.random.below(3) {
            tasks.push(task(self, &OTHER_TASKS));
        }
        if !self.random.once_in(30) {
            tasks.push(task(self, &[TASK]));
        }
        if self.random.once_in(8) {
            let same = tasks.last().filter(|_| self.random.once_in(2)).cloned();
            tasks.push(same.unwrap_or_else(|| task(self, &[TASK])));
        }
        if self.random.once_in(300) {
            tasks.extend(std::iter::repeat_with(|| Json::Object(Vec::new())).take(100));
            // Mesos says the id of each.
            self.broken |=
                std::ptr::fn_addr_eq(task, Self::mesos_task as fn(&mut Self, &[&str]) -> Json);
        }
        let len = tasks.len();
        tasks.rotate_left(self.random.below(len.max(1)));
        Json::Array(tasks)
    }

    fn app_task(&mut self, ids: &[&str]) -> Json {
        let id = self.text(ids, &OTHER_TASKS, Optional);
        let version = self.text(&TIMES, &OTHER_TIMES, Optional);
        let mut members = vec![("id", id, Optional), ("version", version, Optional)];
        if !self.random.once_in(3) {
            members.push(("state", self.text(&ALIVE, &DEAD, Optional), Optional));
        }
        self.object(members)
    }

    fn mesos_task(&mut self, ids: &[&str]) -> Json {
        let id = self.text(ids, &OTHER_TASKS, Required);
        let id = self.object(vec![("value", id, Required)]);
        let state = self.text(&ALIVE, &DEAD, Optional);
        let labels = self.labels();
        let labels = self.object(vec![("labels", labels, Optional)]);
        self.object(vec![
            ("task_id", id, Required),
            ("state", state, Optional),
            ("labels", labels, Optional),
        ])
    }

    fn labels(&mut self) -> Json {
        let sha256 = |digits: usize| TOKEN_SHA256[..digits].to_string();
        let hashes = [
            sha256(64),
            sha256(32),
            sha256(32).to_uppercase(),
            format!("zz,{OTHER_TOKEN_SHA256}, {}\n", sha256(32)),
        ];
        let no_hashes = ["", ",", "zz", &sha256(31), &sha256(33), OTHER_TOKEN_SHA256];
        let variables = [VARIABLE, "A, DATABASE_PASSWORD ,B", "DATABASE_\tPASSWORD,", "OTHER,B"];
        let no_variables = ["", ",", "A", "database_password", "DATABASE_PASSWORD_2", "DATABASE"];
        let mut labels = Vec::new();
        for (key, once_missing_in, right, wrong) in [
            ("DEPLOY_PUBLIC_KEY", 30, &KEYS[..], &NO_KEYS[..]),
            ("SERVICE_PUBLIC_KEY", 2, &KEYS, &NO_KEYS),
            ("ALLOWED_SECRETS_VARS", 30, &variables, &no_variables),
            ("ALLOWED_SECRETS_SHA256", 2, &hashes.each_ref().map(String::as_str), &no_hashes),
            ("MASTER_PUBLIC_KEY", 2, &KEYS, &NO_KEYS),
        ] {
            if self.random.once_in(once_missing_in) {
                continue;
            }
            let times = if self.random.once_in(60) { 2 } else { 1 };
            for _ in 0..times {
                let key = self.text(&[key], &["", "deploy_public_key"], Required);
                let value = self.text(right, wrong, Optional);
                labels.push(self.object(vec![("key", key, Required), ("value", value, Optional)]));
            }
        }
        Json::Array(labels)
    }

    fn env(&mut self) -> Json {
        let mut members = Vec::new();
        for (name, once_missing_in) in [("DEPLOY_PUBLIC_KEY", 30), ("SERVICE_PUBLIC_KEY", 2)] {
            if !self.random.once_in(once_missing_in) {
                let key = if self.random.once_in(30) {
                    self.no_text()
                } else if self.random.once_in(25) {
                    self.random.pick(&NO_KEYS).into()
                } else {
                    self.random.pick(&KEYS).into()
                };
                members.push((name, key, Optional));
            }
        }
        for name in [VARIABLE, "OTHER", "deploy_public_key"] {
            let value = self.variable();
            members.push((name, value, Optional));
        }
        self.object(members)
    }

    /// The value of a variable, with or without a token in it.
    fn variable(&mut self) -> Json {
        let (start, end) = TOKEN.split_at(20);
        let with_token = [
            TOKEN.to_string(),
            format!("amqp://guest:{TOKEN}@host/{OTHER_TOKEN}"),
            format!("\n{start} \r\n\t{end}"),
            format!("ENC[NACL,{TOKEN}]"),
            OTHER_TOKEN.to_string(),
        ];
        let without = [
            String::new(),
            "hunter2".to_string(),
            end.to_string(),
            TOKEN[..TOKEN.len() - 1].to_string(),
            TOKEN.to_lowercase(),
            format!("{start}\u{a0}{end}"),
            format!("{start}-{end}"),
            TOKEN.replace("NACL", "KMS"),
            TOKEN.replace(']', "=]"),
            TOKEN.replace("NACL,", "NACL, ").replace("ENC[", "ENC ["),
        ];
        match self.random.below(10) {
            0 => Json::Array(vec![TOKEN.into()]),
            1 => Json::Object(vec![("secret".to_string(), TOKEN.into())]),
            2 => self.no_text(),
            3..6 => Json::Text(without[self.random.below(without.len())].clone()),
            _ => Json::Text(with_token[self.random.below(with_token.len())].clone()),
        }
    }

    /// One of the `right` texts, mostly.
    fn text(&mut self, right: &[&str], wrong: &[&str], need: Need) -> Json {
        match self.random.below(400) {
            0 => {
                self.broken = true;
                self.no_text_nor_null()
            }
            1 => {
                self.broken |= need == Required;
                Json::Raw("null")
            }
            2..12 => self.random.pick(wrong).into(),
            _ => self.random.pick(right).into(),
        }
    }

    fn no_text(&mut self) -> Json {
        if self.random.once_in(3) { Json::Raw("null") } else { self.no_text_nor_null() }
    }

    fn no_text_nor_null(&mut self) -> Json {
        Json::Raw(self.random.pick(&["0", "-1", "1.5e3", "true", "false", "[]", "{}", r#"["a"]"#]))
    }

    /// An object of `members`, all of which are read, and sometimes of others.
    fn object(&mut self, members: Vec<Member>) -> Json {
        let mut object = Vec::new();
        for (name, value, need) in members {
            let mut name = name.to_string();
            // What is broken stays where it is read.
            let fate = self.random.below(400).max(if self.broken { 2 } else { 0 });
            self.broken |= fate < 2 && need == Required || fate == 2;
            match fate {
                0 => continue,
                1 => name = self.in_another_case(&name),
                2 => object.push((name.clone(), self.other_than(&value))),
                _ => {}
            }
            object.push((name, value));
        }
        if self.random.once_in(20) {
            let decoy = self.decoy(&object);
            object.push(("x".to_string(), decoy));
        }
        if self.random.once_in(400) {
            self.broken = true;
            return Json::Array(object.into_iter().map(|(_, value)| value).collect());
        }
        let len = object.len();
        object.rotate_left(self.random.below(len.max(1)));
        Json::Object(object)
    }

    fn in_another_case(&mut self, name: &str) -> String {
        let at = self.random.below(name.len());
        let other = |(index, character): (usize, char)| match character {
            _ if index != at => character,
            'a'..='z' => character.to_ascii_uppercase(),
            'A'..='Z' => character.to_ascii_lowercase(),
            _ => '-',
        };
        name.chars().enumerate().map(other).collect()
    }

    fn other_than(&mut self, value: &Json) -> Json {
        if self.random.once_in(2) { value.clone() } else { self.no_text() }
    }

    /// What nobody reads, and says the right things, or is deep or long.
    fn decoy(&mut self, object: &[(String, Json)]) -> Json {
        match self.random.below(4) {
            0 => Json::Object(object.to_vec()),
            1 => (0..50).fold(Json::Raw("1"), |inner, _| Json::Array(vec![inner])),
            2 => Json::Array(vec![Json::Raw("1e9"); 200]),
            _ => self.no_text(),
        }
    }

    /// The text of an answer, or what a proxy made of it.
    fn written(&mut self, answer: &Json) -> String {
        let mut text = String::new();
        answer.write(&mut text);
        let fate = self.random.below(200);
        self.broken |= fate < 8;
        match fate {
            0 => text.truncate(text.floor_char_boundary(self.random.below(text.len()))),
            1 => text = format!("<html><body>{text}</body></html>"),
            2 => text.push_str(self.random.pick(&["x", "{}", "}", "null", ",", "\0"])),
            3 => text = format!("[{text}]"),
            4 => text.insert(0, '\u{feff}'),
            5 => text = text.replacen(':', "=", 1),
            6 => text = self.random.pick(&["", "null", "true", "[]", "\"\"", "{}"]).to_string(),
            7 => text = text.replacen('{', "{,", 1),
            8 => text = format!("\r\n {text}\n\t"),
            _ => {}
        }
        text
    }
}
