//! A peer that knows the cookie and means harm: it speaks the protocol by hand, and a node must outlast it.
//!
//! Four processes, each this test program again: the test starts the enemy's, and that one a victim, which is a node with
//! some actors, and an honest node, whose actor plays ping-pong with the victim's while each attack goes on. So whatever the
//! victim holds in memory is its own, and nobody waits for the enemy's threads.
//!
//! An attack is a function in [`ATTACKS`]. To add one is to add a line there.

mod enemy;
mod fight;
mod floods;
mod flapping;
mod honest;
mod lies;
mod malformed;
mod process;
mod spawns;
mod victim;

use std::process::Command;
use std::time::Duration;

use fight::{Attack, Fight};

/// Where a process is told that it is the enemy's.
const ENEMY: &str = "GREENROOM_TEST_ENEMY";

/// How long all attacks take that can take any time, together, in seconds. Ten minutes: 600.
const SECONDS: &str = "GREENROOM_HOSTILE_SECONDS";
const SECONDS_DEFAULT: u64 = 20;

/// Attacks that contain this alone, if it is set.
const ONLY: &str = "GREENROOM_HOSTILE_ONLY";

/// All that such a peer is known to be able to try.
const ATTACKS: &[Attack] = &[
    Attack { name: "bytes that are no packet", run: malformed::no_packets },
    Attack { name: "packets and frames that no node makes", run: malformed::each_breaks_the_connection },
    Attack { name: "packets of another connection or out of turn", run: malformed::out_of_turn },
    Attack { name: "packets in which some bits are others", run: malformed::flipped_bits },
    Attack { name: "another version of the protocol", run: malformed::another_version },
    Attack { name: "frames that never end", run: malformed::frames_without_end },
    Attack { name: "one enormous packet", run: malformed::one_enormous_packet },
    Attack { name: "half a frame and then nothing", run: malformed::half_a_frame },
    Attack { name: "messages to one actor that does not read", run: floods::messages_to_who_does_not_read },
    Attack { name: "messages to the actor that others talk with", run: floods::messages_to_who_answers_others },
    Attack { name: "messages to nobody", run: floods::messages_to_nobody },
    Attack { name: "messages to names", run: floods::messages_to_names },
    Attack { name: "messages that are not admitted, and are to be answered", run: floods::questions_not_admitted },
    Attack { name: "questions without end", run: floods::questions_without_end },
    Attack { name: "questions under one number", run: floods::questions_under_one_number },
    Attack { name: "withdrawals and answers of nothing", run: floods::words_about_nothing },
    Attack { name: "word of room and of none", run: floods::word_of_room },
    Attack {
        name: "links and monitors of the dead, and a slow ear for the answers",
        run: floods::the_dead_are_watched,
    },
    Attack { name: "nothing is ever said to be taken", run: floods::nothing_is_taken },
    Attack { name: "all is said to be taken", run: floods::all_is_taken },
    Attack { name: "all is said to be taken, and nothing is heard", run: floods::nothing_is_heard },
    Attack { name: "ends of whom it does not have", run: lies::ends_of_others },
    Attack { name: "ends for whom it is no ancestor of", run: lies::orders },
    Attack { name: "links and monitors of one actor, which ends", run: lies::storm_and_the_target_ends },
    Attack { name: "links and monitors of one actor, and it goes away", run: lies::storm_and_the_enemy_goes },
    Attack { name: "actors without end", run: spawns::actors_without_end },
    Attack { name: "modules that never come", run: spawns::modules_that_never_come },
    Attack { name: "modules that are others", run: spawns::modules_that_are_others },
    Attack { name: "orders to whom it has not spawned", run: spawns::orders_to_others_children },
    Attack { name: "memberships of groups without end", run: spawns::memberships_without_end },
    Attack { name: "messages to groups that nobody is in", run: spawns::casts_to_nobody },
    Attack { name: "connections that begin again and again", run: flapping::connections },
    Attack { name: "one node that comes and goes", run: flapping::one_name },
    Attack { name: "many nodes that come and go", run: flapping::many_names },
];

/// Takes about a minute; `GREENROOM_HOSTILE_SECONDS` sets how long what can take any time takes.
#[test]
#[ignore = "it needs the machine for itself, for a minute; CI runs it alone: on a busy one a flood crowds others out"]
fn who_knows_the_cookie_neither_fills_a_node_nor_stops_it_nor_disturbs_others() {
    if std::env::var_os(ENEMY).is_some() {
        let seconds = std::env::var(SECONDS).map_or(SECONDS_DEFAULT, |text| text.parse().expect("a number of seconds"));
        return Fight::all(ATTACKS, Duration::from_secs(seconds), std::env::var(ONLY).ok().as_deref());
    }
    let test = "mesh::hostile::who_knows_the_cookie_neither_fills_a_node_nor_stops_it_nor_disturbs_others";
    let program = std::env::current_exe().expect("this program");
    let ended = Command::new(program).args(["--exact", test, "--nocapture", "--ignored"]).env(ENEMY, "1").status();
    assert!(ended.expect("this program, again").success(), "what the enemy's process says is above");
}
