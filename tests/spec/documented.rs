//! Each example in the documentation of the SDK does what it says.

use greenroom::Outcome;
use serde_json::json;

use crate::stage::Stage;

#[test]
fn each_example_in_the_documentation_of_the_sdk_runs() {
    let stage = Stage::new();
    let module = stage.guest("documented");
    let names = module.entries().iter().map(|entry| entry.name.as_str());
    let examples: Vec<&str> = names.filter(|name| name.contains("_line_")).collect();
    assert!(examples.len() > 20, "{examples:?}");
    for example in examples {
        let actor = stage.spawn_of(&module, example, json!([]));
        if let Outcome::Exception(why) = stage.outcome(&actor) {
            panic!("{example}: {why}");
        }
    }
}
