//! A stranger that wants an actor started, and has the module, or says so: what does not come whole and true leaves nothing.

use super::*;
use crate::guest::Guests;
use crate::limits::Limits;
use crate::mesh::packet::Assembly;
use crate::module_hash::ModuleHash;
use crate::node::spawning::{CHUNK_BYTES, SpawnRequest, Travels};
use crate::node::uplink::Question;
use crate::remote_spawn::RemoteSpawn;
use crate::spawn_options::SpawnOptions;

const ECHO: &str = include_str!("../../../guest/echo.wat");

/// A node that hosts, and the stranger with a connection.
struct Host {
    meeting: Meeting,
    guests: Arc<Guests>,
    epochs: Epochs,
    /// The stranger's next packet, and question.
    next: u64,
    assembly: Assembly,
    /// What the node has said and the test has not looked at.
    said: std::collections::VecDeque<Content>,
}

impl Host {
    fn new() -> Host {
        Host::with(RemoteSpawn::yes())
    }

    fn with(terms: RemoteSpawn) -> Host {
        let mut meeting = Meeting::new();
        let (kernel, executor) = (meeting.kernel.clone(), meeting.executor.clone());
        let guests = Guests::new(kernel, executor, 1, None, terms).expect("the engine starts");
        let epochs = Epochs { mine: 1, yours: meeting.connects(1) };
        Host { meeting, guests, epochs, next: 1, assembly: Assembly::default(), said: Default::default() }
    }

    fn says(&mut self, frame: &[u8]) {
        let mut chunks = Vec::new();
        put_whole(&mut chunks, frame);
        let head = Head::Data { epochs: self.epochs, number: self.next, taken: 0 };
        self.meeting.stranger.says(head, &chunks);
        self.next += 1;
    }

    /// The next that the node says to the stranger, beside word of what it has taken in.
    fn hears(&mut self) -> Content {
        while self.said.is_empty() {
            let Ok(Told::Packet(packet)) = self.meeting.stranger.told.recv_timeout(PATIENCE) else {
                panic!("it says something")
            };
            if let Ok((Head::Data { number, .. }, chunks)) = Head::read(&packet) {
                let said = &mut self.said;
                let read = self.assembly.read(chunks, |frame| {
                    said.push_back(wire::read(frame, Default::default()).expect("a frame"));
                    Ok(())
                });
                read.expect("chunks");
                self.meeting.stranger.says(Head::Taken { epochs: self.epochs, taken: number }, &[]);
            }
        }
        self.said.pop_front().expect("it was just seen")
    }

    fn wants(&mut self, number: u64, module: Travels) {
        self.wants_entry(number, Some(module), "main", "[1]");
    }

    fn wants_entry(&mut self, number: u64, module: Option<Travels>, entry: &str, args: &str) {
        let request = SpawnRequest {
            module,
            entry: entry.into(),
            args: Message::trusted(args.into()),
            options: SpawnOptions::default(),
            ancestors: Box::default(),
        };
        self.says(&wire::ask(number, Some(Id::random()), &Question::Spawn(Box::new(request))));
    }

    /// Answers what the node asks for, from `module`, each answer changed by `change`, until the spawn is answered.
    fn serves(&mut self, module: &[u8], mut change: impl FnMut(u64, Answer) -> Option<Answer>) -> Answer {
        loop {
            match self.hears() {
                Content::Ask(number, None, Question::Chunk(_, at)) => {
                    let chunk = piece(module, at);
                    if let Some(answer) = change(at, chunk) {
                        self.says(&wire::answer(number, &answer));
                    }
                }
                Content::Answer(7, answer) => return answer,
                // A question that it does not ask any more.
                Content::Withdraw(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Wants it started, and serves it.
    fn gets(&mut self, module: &[u8], change: impl FnMut(u64, Answer) -> Option<Answer>) -> Answer {
        self.wants(7, travels(module));
        self.serves(module, change)
    }

    fn leaves_nothing(&self) {
        assert_eq!((self.guests.modules_of_peers(), self.meeting.kernel.living()), (Vec::new(), 0));
    }
}

/// What a node answers that has the module.
fn piece(module: &[u8], at: u64) -> Answer {
    let rest = &module[at as usize..];
    Answer::Bytes(rest[..rest.len().min(CHUNK_BYTES)].to_vec().into())
}

fn travels(module: &[u8]) -> Travels {
    Travels { hash: ModuleHash::of(module), bytes: module.len() as u64, name: "echo".into() }
}

/// The echo with so many bytes of comment: more than one chunk.
fn large(bytes: usize) -> Vec<u8> {
    format!("{ECHO};;{}", "x".repeat(bytes)).into_bytes()
}

fn kind(answer: Answer) -> (RefusalKind, String) {
    match answer {
        Answer::Refused(refusal) => (refusal.kind(), refusal.message().to_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_module_that_comes_whole_is_run_and_asked_for_once() {
    let mut host = Host::new();
    let (module, mut asked) = (large(20 * CHUNK_BYTES), Vec::new());
    let answer = host.gets(&module, |at, chunk| {
        asked.push(at);
        Some(chunk)
    });
    assert!(matches!(answer, Answer::Spawned(_)), "{answer:?}");
    asked.dedup();
    assert_eq!(asked.len(), 21, "each once, in order");
    let again = host.gets(&module, |_, _| panic!("it is there"));
    assert!(matches!(again, Answer::Spawned(_)), "{again:?}");
}

#[test]
fn what_is_not_what_its_hash_says_is_refused_and_leaves_nothing() {
    let module = large(5 * CHUNK_BYTES);
    let mut host = Host::new();
    let bit = |at, answer| match answer {
        Answer::Bytes(chunk) if at > 0 => {
            let mut bytes = chunk.to_vec();
            bytes[9] ^= 1;
            Some(Answer::Bytes(bytes.into()))
        }
        answer => Some(answer),
    };
    let is_another = |(why, said): (RefusalKind, String)| {
        assert!(why == RefusalKind::NoSuchModule && said.contains(&ModuleHash::of(&module).to_string()), "{said}");
    };
    is_another(kind(host.gets(&module, bit)));
    host.leaves_nothing();
    // Too little, too much, or none of it.
    for bytes in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES + 1] {
        is_another(kind(host.gets(&module, |_, _| Some(Answer::Bytes(vec![0; bytes].into())))));
        host.leaves_nothing();
    }
    let not_here = || Some(Answer::Refused(Refusal::new(RefusalKind::NoSuchModule, "it is not here")));
    assert_eq!(kind(host.gets(&module, |_, _| not_here())), (RefusalKind::NoSuchModule, "it is not here".to_owned()));
    // True, and no module.
    let (why, said) = kind(host.gets(b"rubbish", |_, chunk| Some(chunk)));
    assert!(why == RefusalKind::NotPermitted && said.contains("not WebAssembly"), "{said}");
    host.leaves_nothing();
    // The same node brings the true one all the same.
    assert!(matches!(host.gets(&module, |_, chunk| Some(chunk)), Answer::Spawned(_)));
}

#[test]
fn a_module_over_the_owner_s_cap_is_not_even_asked_for() {
    let mut host = Host::new();
    for bytes in [10 << 30, (32 << 20) + 1, u64::MAX] {
        host.wants(7, Travels { bytes, ..travels(b"x") });
        let (why, said) = kind(host.serves(b"x", |_, _| panic!("it is too large")));
        assert!(why == RefusalKind::TooLarge && said.contains(&bytes.to_string()), "{said}");
        host.leaves_nothing();
    }
    let mut small = Host::with(RemoteSpawn::yes().module_bytes_max(1000));
    assert_eq!(kind(small.gets(&large(1000), |_, _| panic!("it is too large"))).0, RefusalKind::TooLarge);
}

#[test]
fn a_peer_that_stops_half_way_is_refused_after_a_while() {
    let mut host = Host::new();
    let module = large(9 * CHUNK_BYTES);
    let half = module.len() as u64 / 2;
    let (why, said) = kind(host.gets(&module, |at, chunk| (at < half).then_some(chunk)));
    assert!(why == RefusalKind::Timeout && said.contains(&module.len().to_string()), "{said}");
    host.leaves_nothing();
    assert!(matches!(host.gets(&module, |_, chunk| Some(chunk)), Answer::Spawned(_)));
}

#[test]
fn many_spawns_of_one_module_fetch_it_once() {
    let mut host = Host::new();
    let module = large(9 * CHUNK_BYTES);
    (8..28).for_each(|number| host.wants(number, travels(&module)));
    let (mut asked, mut spawned) = (0, 0);
    while spawned < 20 {
        match host.hears() {
            Content::Ask(number, None, Question::Chunk(_, at)) => {
                asked += 1;
                host.says(&wire::answer(number, &piece(&module, at)));
            }
            Content::Answer(_, Answer::Spawned(_)) => spawned += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked, 10);
}

#[test]
fn all_that_a_peer_starts_is_one_tree() {
    let limits: Limits = "actors=3".parse().expect("limits");
    let options = crate::load_options::LoadOptions::untrusted().limits(limits);
    let mut host = Host::with(RemoteSpawn::yes().options(options));
    let mut starts = || {
        host.wants_entry(7, None, "greenroom/router", r#"{"strategy": "random"}"#);
        host.serves(b"", |_, _| panic!("it is the node's own"))
    };
    for _ in 0..3 {
        let answer = starts();
        assert!(matches!(answer, Answer::Spawned(_)), "{answer:?}");
    }
    let (why, said) = kind(starts());
    assert!(why == RefusalKind::Limit && said.contains("actors"), "{said}");
    assert_eq!(host.meeting.kernel.living(), 3);
}
