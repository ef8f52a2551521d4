//! Nobody keeps the node to itself.

use greenroom::ExceptionKind;
use serde_json::json;

use crate::stage::Stage;

#[test]
fn twenty_busy_loops_do_not_stop_a_ping_pong_and_can_be_killed() {
    let stage = Stage::new();
    let busy: Vec<_> = (0..20).map(|_| stage.spawn("spins", json!([]))).collect();
    let ping_pong = stage.guest("ping-pong");
    let game = stage.spawn_of(&ping_pong, "main", json!([50]));
    assert_eq!(stage.value(&game), json!({"rounds": 50}));
    assert!(stage.node.actors() >= 20, "the busy ones are all there");
    for actor in &busy {
        stage.node.kill(actor).expect("it lives");
    }
    for actor in &busy {
        assert_eq!(stage.exception(actor).kind(), ExceptionKind::Killed);
    }
}

#[test]
fn a_start_function_that_loops_stops_nobody_and_can_be_killed() {
    let stage = Stage::new();
    let module = stage.text("start-loops");
    let looping: Vec<_> = (0..4).map(|_| stage.spawn_of(&module, "main", json!([]))).collect();
    assert_eq!(stage.run("returns", json!([1])), 1);
    for actor in &looping {
        stage.node.kill(actor).expect("it lives");
        assert_eq!(stage.exception(actor).kind(), ExceptionKind::Killed);
    }
}
