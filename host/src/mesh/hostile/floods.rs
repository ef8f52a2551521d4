//! Attacks: more of what a node may send than anybody needs.

use std::sync::mpsc::channel;

use super::enemy::{Enemy, PATIENCE, message, signal};
use super::fight::Fight;
use crate::address::Address;
use crate::mesh::packet::Head;
use crate::mesh::wire::{self, Content};
use crate::message::Message;
use crate::node::uplink::{Answer, Question};
use crate::signal::{Reference, Signal, To};

const QUESTIONS: &str = "it asks more at once than it may";
const LINK: &str = "the link to it broke";
const WINDOW: &str = "it sent more than it may before it is told that there is room";

/// How many frames are made at once.
const BATCH: usize = 200;

/// How many frames are said at least, whatever the time.
const LEAST: usize = 100_000;

/// Says what `frame` makes until the time is up.
pub(super) fn flood(fight: &mut Fight, mut frame: impl FnMut(&mut Fight) -> Vec<u8>) -> usize {
    let mut said = 0;
    while said < LEAST || fight.goes_on() {
        let frames: Vec<Vec<u8>> = (0..BATCH).map(|_| frame(fight)).collect();
        fight.enemy.says(frames);
        said += BATCH;
    }
    said
}

pub(super) fn messages_to_who_does_not_read(fight: &mut Fight) {
    let (to, lost) = (fight.to("idle"), fight.lost("mailbox-full"));
    let (listener, told) = channel();
    fight.enemy.tells(Some(listener));
    let frame = message(&to, None, format!("\"{}\"", "x".repeat(1000)));
    flood(fight, |_| frame.clone());
    assert!(fight.enemy.is_answered(), "who floods a mailbox is not cut");
    assert!(fight.lost("mailbox-full") > lost, "nothing was too much");
    fight.enemy.tells(None);
    // It is told once that there is no room, until there is some: never.
    let full = told.try_iter().filter(|content| *content == Content::Full(to.clone())).count();
    assert!(full <= 1, "it is told {full} times");
}

pub(super) fn messages_to_who_answers_others(fight: &mut Fight) {
    let to = fight.to("echo");
    flood(fight, |_| message(&to, None, "[1, 2, 3]".to_owned()));
}

pub(super) fn messages_to_nobody(fight: &mut Fight) {
    let lost = fight.lost("no-such-actor");
    let said = flood(fight, |fight| message(&To::Id(fight.random.id()), Some(fight.random.id()), "1".to_owned()));
    assert!(fight.enemy.is_answered(), "who writes to nobody is not cut");
    assert_eq!(fight.lost("no-such-actor"), lost + said as u64);
}

pub(super) fn messages_to_names(fight: &mut Fight) {
    flood(fight, |fight| {
        let name = format!("n.{}", fight.random.number());
        message(&To::Name(name.into()), Some(fight.random.id()), "1".to_owned())
    });
}

/// Each is answered with a refusal of a few hundred bytes, and the enemy takes them slowly.
pub(super) fn questions_not_admitted(fight: &mut Fight) {
    let to = fight.to("idle");
    let plain = format!("\"{}\"", "x".repeat(198));
    let deep = "[".repeat(100) + &"]".repeat(100);
    hears_little(fight);
    let mut number = 0;
    flood(fight, |_| {
        number += 1;
        // No node writes such a text, so it takes the place of another.
        let mut frame = wire::ask(number, None, &Question::Take(to.clone(), Message::trusted(plain.clone())));
        let start = frame.len() - deep.len();
        frame[start..].copy_from_slice(deep.as_bytes());
        frame
    });
    hears_again(fight, QUESTIONS);
}

/// Sends what it likes, and takes its time for what comes.
fn hears_little(fight: &mut Fight) {
    (fight.enemy.says_taken, fight.enemy.is_reckless) = (false, true);
    fight.enemy.is_slow(true);
}

/// Hears all that there is, and begins anew: it was cut off for this.
fn hears_again(fight: &mut Fight, reason: &str) {
    (fight.enemy.says_taken, fight.enemy.is_reckless) = (true, false);
    fight.enemy.is_slow(false);
    fight.is_cut_for_one_of(&[reason, LINK]);
}

pub(super) fn questions_without_end(fight: &mut Fight) {
    let idle = fight.to("idle");
    loop {
        let mut number = 0;
        while !fight.enemy.is_cut_within(std::time::Duration::ZERO) && number < 1_000_000 {
            let wait = |number| wire::ask(number, None, &Question::Wait(idle.clone()));
            fight.enemy.says((number..number + BATCH as u64).map(wait));
            number += BATCH as u64;
        }
        fight.is_cut_for(QUESTIONS);
        if !fight.goes_on() {
            return;
        }
    }
}

/// The last of them counts.
pub(super) fn questions_under_one_number(fight: &mut Fight) {
    let idle = fight.to("idle");
    let (listener, told) = channel();
    fight.enemy.tells(Some(listener));
    flood(fight, |_| wire::ask(1, None, &Question::Wait(idle.clone())));
    fight.enemy.says([wire::ask(1, None, &Question::Ping)]);
    assert!(fight.enemy.is_answered(), "questions under one number are one");
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Content::Answer(1, Answer::Done)));
}

pub(super) fn words_about_nothing(fight: &mut Fight) {
    flood(fight, |fight| match fight.random.below(3) {
        0 => wire::withdraw(fight.random.number()),
        1 => wire::answer(fight.random.below(1 << 20) as u64, &Answer::Is(fight.random.id())),
        _ => wire::answer(fight.random.number(), &Answer::Done),
    });
}

/// Names are as long as they may be.
pub(super) fn word_of_room(fight: &mut Fight) {
    flood(fight, |fight| match fight.random.below(4) {
        0 => wire::room(&To::Id(fight.random.id())),
        1 => wire::full(&To::Name(format!("n.{:062}", fight.random.number()).into())),
        _ => wire::full(&To::Id(fight.random.id())),
    });
}

/// Each is answered with an end, which is never refused for want of room, and the enemy takes them slowly.
pub(super) fn the_dead_are_watched(fight: &mut Fight) {
    hears_little(fight);
    flood(fight, |fight| {
        let (to, from) = (To::Id(fight.random.id()), Some(fight.random.id()));
        match fight.random.below(2) {
            0 => signal(&to, from, Signal::Link),
            _ => signal(&to, from, Signal::Monitor(Reference::Random(fight.random.id()))),
        }
    });
    hears_again(fight, WINDOW);
}

/// The victim's actor talks to one of the enemy's, which never says that it has anything.
pub(super) fn nothing_is_taken(fight: &mut Fight) {
    fight.enemy.says_taken = false;
    talks(fight);
    while fight.goes_on() {
        fight.enemy.chunks(&[]);
        std::thread::yield_now();
    }
    let talked = &fight.state()["talked"];
    assert!(talked["sent"].is_u64() && talked["mailbox-full"].is_u64(), "{talked}");
    fight.enemy.says_taken = true;
}

/// It says before it has it that it has all, and takes its time for it.
pub(super) fn all_is_taken(fight: &mut Fight) {
    talks(fight);
    fight.enemy.is_slow(true);
    all_is_said_to_be_taken(fight);
    fight.enemy.is_slow(false);
    comes_as_another(fight);
}

/// The same, and it takes nothing at all: its link is full, and the victim cuts it.
pub(super) fn nothing_is_heard(fight: &mut Fight) {
    talks(fight);
    fight.enemy.is_reckless = true;
    fight.enemy.is_deaf(true);
    all_is_said_to_be_taken(fight);
    fight.enemy.is_deaf(false);
    comes_as_another(fight);
}

fn all_is_said_to_be_taken(fight: &Fight) {
    let head = Head::Taken { epochs: fight.enemy.epochs(), taken: u64::MAX };
    while fight.goes_on() {
        fight.enemy.sends(head.packet());
    }
}

/// Its own link is full of what it has said it has, and has not.
fn comes_as_another(fight: &mut Fight) {
    let victim = fight.enemy.victim.place.clone();
    std::mem::replace(&mut fight.enemy, Enemy::meet(&victim)).leaves();
}

fn talks(fight: &mut Fight) {
    let to = Address::of_id(fight.random.id(), fight.enemy.me.place.clone());
    let left = fight.time_left().as_millis();
    fight.victim.asks(&format!("talk {to} {left}"));
}
