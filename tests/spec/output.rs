//! What guests print and log reaches the embedder as events, tagged with the actor.

use std::fmt;
use std::sync::{LazyLock, Mutex};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::stage::Stage;

/// One event of the target `greenroom::guest`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Line {
    level: String,
    actor: String,
    entry: String,
    stream: String,
    message: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "actor" => self.actor = value.to_owned(),
            "entry" => self.entry = value.to_owned(),
            "stream" => self.stream = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

static HEARD: Mutex<Vec<Line>> = Mutex::new(Vec::new());

struct Listener;

impl<S: tracing::Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "greenroom::guest" {
            let mut line = Line { level: event.metadata().level().to_string(), ..Line::default() };
            event.record(&mut line);
            HEARD.lock().expect("no listener panics").push(line);
        }
    }
}

/// One for the process: the events come on the nodes' threads.
static LISTENING: LazyLock<()> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::registry().with(Listener);
    tracing::subscriber::set_global_default(subscriber).expect("nobody else listens");
});

#[test]
fn lines_come_as_events_with_their_actor_and_without_control_characters() {
    LazyLock::force(&LISTENING);
    let stage = Stage::new();
    let actor = stage.script(json!([
        {"print": "to stdout"},
        {"eprint": "to stderr"},
        {"warn": "to the log"},
        {"print": "two\nlines"},
        {"print": "\u{1b}[2J\rclear"},
    ]));
    stage.value(&actor);
    let line = |level: &str, stream: &str, message: &str| Line {
        level: level.into(),
        actor: actor.to_string(),
        entry: "script".into(),
        stream: stream.into(),
        message: message.into(),
    };
    let heard: Vec<Line> = HEARD
        .lock()
        .expect("no listener panics")
        .iter()
        .filter(|line| line.actor == actor.to_string())
        .cloned()
        .collect();
    assert_eq!(
        heard,
        [
            line("INFO", "stdout", "to stdout"),
            line("INFO", "stderr", "to stderr"),
            line("WARN", "log", "to the log"),
            line("INFO", "stdout", "two"),
            line("INFO", "stdout", "lines"),
            line("INFO", "stdout", r"\u{1b}[2J\rclear"),
        ]
    );
}

#[test]
fn a_guest_sees_nothing_of_the_machine() {
    let stage = Stage::new();
    assert_eq!(stage.run("looks_around", json!([])), json!({"environment": 0, "files": false, "network": false}));
}
