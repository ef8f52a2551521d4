//! The native twin of the scenarios' `obeys`: an actor that does one step for each order and says what it answered.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::time::Duration;

use greenroom::{Address, Context, Node, Pattern, Refusal, SpawnOptions};
use serde_json::{Value, json};

/// Does the step of each `{"order": [NUMBER, STEP]}` and sends `tell` `[NUMBER, ANSWER]`.
///
/// Its steps are those of `tests/guests/scenarios/src/step.rs` that the model has, and `spawn-native`.
pub async fn obeys(mut context: Context, tell: Address) -> Result<Value, Value> {
    let orders = [Pattern::new(json!({"order": {"$type": "any"}})).expect("a pattern")];
    loop {
        let received = context.receive(&orders, None).await.expect("there is no timeout");
        let order = &received.message.to_value()["order"];
        let (verb, value) = step(&order[1]);
        let answer = match verb {
            "return" => return Ok(value.clone()),
            "fail" => return Err(value.clone()),
            // Without the hook: what it prints would stand between the tests' lines.
            "trap" => resume_unwind(Box::new("an actor of the test panics")),
            "receive" => context.receive_any(Some(Duration::ZERO)).await.map_or(
                Value::Null,
                |received| json!({"from_host": received.from_host, "message": received.message.to_value()}),
            ),
            verb => match plays(&mut context, &tell, verb, value) {
                Ok(answer) => answer,
                Err(refusal) => json!({"refused": refusal.kind().as_str()}),
            },
        };
        // Not possible only for one that is about to end, and then nobody waits for it.
        _ = context.send(&tell, json!([order[0], answer]));
    }
}

/// Passes on what it is sent, until the test lets go.
pub fn listener(node: &Node) -> (Address, mpsc::Receiver<Value>) {
    let (heard, told) = mpsc::channel();
    let address = node.spawn_native(move |mut context| async move {
        while let Some(received) = context.receive_any(None).await {
            if heard.send(received.message.to_value()).is_err() {
                break;
            }
        }
        Ok::<_, Refusal>(Value::Null)
    });
    (address.expect("it starts"), told)
}

/// What a spawn's options are in JSON.
pub fn options(json: &Value) -> SpawnOptions {
    let mut options = SpawnOptions::default();
    for (key, value) in json.as_object().expect("options are an object") {
        options = match (key.as_str(), value.as_str()) {
            ("name", Some(name)) => options.name(name),
            ("link", None) => options.link(),
            ("monitor", None) => options.monitor(),
            ("trap-exit", None) => options.trap_exit(),
            _ => panic!("{key} is no option"),
        };
    }
    options
}

/// `"verb"` or `{"verb": VALUE}`.
fn step(step: &Value) -> (&str, &Value) {
    match step {
        Value::String(verb) => (verb, &Value::Null),
        _ => {
            step.as_object().and_then(|step| step.iter().next()).map(|(verb, value)| (&**verb, value)).expect("a step")
        }
    }
}

fn plays(context: &mut Context, tell: &Address, verb: &str, value: &Value) -> Result<Value, Refusal> {
    let whom = || address(if value.is_array() { &value[0] } else { value });
    Ok(match verb {
        "spawn-native" => {
            let tell = tell.clone();
            let child = context.spawn_native(&options(value), |context| obeys(context, tell))?;
            json!(child.to_string())
        }
        "spawn-with" => {
            let entry = format!("scenarios/{}", value[0].as_str().expect("an entry"));
            json!(context.spawn(&entry, value[1].clone(), &options(&value[2]))?.to_string())
        }
        "send" => json!(context.send(&whom(), value[1].clone())?),
        "link" => json!(context.link(&whom())?),
        "unlink" => json!(context.unlink(&whom())?),
        "monitor" => json!(context.monitor(&whom())?),
        "demonitor" => json!(context.demonitor(value.as_str().expect("a reference"))?),
        "trap-exit" => json!(context.trap_exit(value.as_bool().expect("on or off"))),
        "kill" => json!(context.kill(&whom())?),
        "exit" => json!(context.exit(&whom(), value[1].clone())?),
        "register" => json!(context.register(value.as_str().expect("a name"))?),
        "unregister" => json!(context.unregister(value.as_str().expect("a name"))?),
        _ => panic!("{verb} is no step"),
    })
}

fn address(text: &Value) -> Address {
    text.as_str().expect("an address is a text").parse().expect("an address")
}
