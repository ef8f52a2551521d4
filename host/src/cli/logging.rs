//! What happens in the node, as lines on stderr: warnings, and what guests print.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::exit::{Code, Failure};
use super::output::printable;
use super::{Format, Settings, report};
use crate::node::crash::CrashReport;

/// The variable with the filter, in the syntax of `tracing_subscriber::EnvFilter`.
const VARIABLE: &str = "GREENROOM_LOG";

/// What the mesh is made of has its own idea of what is worth a warning; whoever wants that asks for it. A target stands
/// for all that begin so.
const LIBRARIES: &str = "zenoh=off,quinn=off,rustls=off";

/// The target of events that carry a guest's own line.
const GUEST: &str = "greenroom::guest";

/// Characters of an actor's ID that are shown: 38 of its 128 bits, enough to tell actors apart, too few to send to one.
const SHORT_ID_CHARACTERS: usize = 8;

/// Sends the node's events to stderr: those that `GREENROOM_LOG` asks for; without it warnings and what guests print,
/// or only errors if it is to be quiet. Reports of crashes are in `settings.format`.
///
/// # Errors
///
/// If the variable is no filter.
pub(super) fn start(settings: Settings) -> Result<(), Failure> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text)
            .map_err(|why| Failure::new(Code::Usage, format!("{VARIABLE} is no filter: {why}")))?,
        _ => default_filter(settings.quiet),
    };
    // A closed stderr must not be reported on stderr: that write panics.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let builder = builder.with_writer(std::io::stderr).event_format(Lines { format: settings.format });
    builder.try_init().map_err(|why| Failure::new(Code::Failed, format!("cannot start logging: {why}")))
}

fn default_filter(quiet: bool) -> EnvFilter {
    let ours = if quiet { "error,greenroom::guest=off" } else { "warn,greenroom::guest=info" };
    EnvFilter::new(format!("{ours},{LIBRARIES}"))
}

/// One line an event: `[ENTRY ID] line` for a guest's, `level: message key=value` for the others. A crash has several, or
/// one that is JSON: `{"crash": REPORT}`.
struct Lines {
    format: Format,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields { format: self.format, ..Fields::default() };
        event.record(&mut fields);
        if let Some(crash) = fields.crash.take() {
            if self.format == Format::Json {
                return writeln!(writer, "{crash}");
            }
            fields.message = crash;
        }
        let line = line(event.metadata().target(), *event.metadata().level(), &fields);
        writeln!(writer, "{line}")
    }
}

fn line(target: &str, level: Level, fields: &Fields) -> String {
    let word = match level {
        Level::ERROR => "error: ",
        Level::WARN => "warning: ",
        Level::DEBUG => "debug: ",
        Level::TRACE => "trace: ",
        // What a guest prints needs no word.
        _ if target == GUEST => "",
        _ => "info: ",
    };
    let text = if target == GUEST {
        let id: String = fields.actor.chars().take(SHORT_ID_CHARACTERS).collect();
        format!("[{} {id}] {word}{}", fields.entry, fields.message)
    } else {
        format!("{word}{}{}", fields.message, fields.others)
    };
    printable(&text)
}

/// An event's fields as texts.
#[derive(Default)]
struct Fields {
    format: Format,
    /// A crash, in that format: all there is to say.
    crash: Option<String>,
    message: String,
    actor: String,
    entry: String,
    others: String,
}

impl Fields {
    fn put(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            "actor" => self.actor = text,
            "entry" => self.entry = text,
            name => _ = write!(self.others, " {name}={text}"),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        match (value.downcast_ref::<CrashReport>(), self.format) {
            (Some(crash), Format::Text) => self.crash = Some(report::crash(crash)),
            (Some(crash), Format::Json) => self.crash = Some(format!("{{\"crash\":{}}}", crash.to_json())),
            (None, _) => self.put(field, value.to_string()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_guest_s_line_says_who_printed_it() {
        let fields = Fields {
            message: "hello".into(),
            actor: "abcdefghijklmnopqrstuvwxyz@127.0.0.1:3433".into(),
            entry: "build".into(),
            others: " stream=stdout".into(),
            ..Fields::default()
        };
        assert_eq!(line(GUEST, Level::INFO, &fields), "[build abcdefgh] hello");
        assert_eq!(line(GUEST, Level::WARN, &fields), "[build abcdefgh] warning: hello");
        assert_eq!(line("greenroom", Level::WARN, &fields), "warning: hello stream=stdout");
    }

    #[test]
    fn what_the_mesh_is_made_of_says_nothing_unless_it_is_asked_to() {
        let printed = |filter| {
            let (reader, writer) = std::io::pipe().expect("a pipe");
            let lines = tracing_subscriber::fmt().with_env_filter(filter).event_format(Lines { format: Format::Text });
            tracing::subscriber::with_default(lines.with_writer(Mutex::new(writer)).finish(), || {
                tracing::error!(target: "zenoh_link_commons::quic::unicast", "theirs");
                tracing::error!(target: "quinn_proto::connection", "theirs");
                tracing::error!(target: "greenroom", "ours");
            });
            std::io::read_to_string(reader).expect("text")
        };
        assert_eq!(printed(default_filter(false)), "error: ours\n");
        assert_eq!(printed(default_filter(true)), "error: ours\n");
        assert_eq!(printed(EnvFilter::new("error")).lines().count(), 3);
    }

    #[test]
    fn an_entry_s_name_cannot_forge_a_line() {
        let fields = Fields { entry: "a\nerror: b\x1b".into(), ..Fields::default() };
        assert_eq!(line(GUEST, Level::INFO, &fields), "[a\n  error: b\\u{1b} ]");
    }
}
