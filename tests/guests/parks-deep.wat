;; Calls itself until its stack is nearly full, and waits there for a message.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (type $record (record (field "pattern" u32) (field "from-host" bool) (field "message" string)))
    (export "received" (type $received (eq $record)))
    (export "receive" (func (param "patterns" (list string)) (param "timeout-ms" (option u32))
      (result (result (option $received) (error string)))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  (alias core export $memory "cabi_realloc" (core func $realloc))
  (core func $receive (canon lower (func $host "receive") (memory $bytes) (realloc $realloc)))
  (core instance $imports (export "receive" (func $receive)))
  (core module $module
    (import "host" "receive" (func $receive (param i32 i32 i32 i32 i32)))
    (func $deeper (param $levels i32) (result i32)
      (if (i32.eqz (local.get $levels)) (then
        (call $receive (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (return (i32.const 0))))
      ;; So that the call is none that reuses this frame.
      (i32.add (i32.const 1) (call $deeper (i32.sub (local.get $levels) (i32.const 1)))))
    (func (export "run") (param i32 i32 i32 i32) (result i32) (call $deeper (i32.const 9000))))
  (core instance $instance (instantiate $module (with "host" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run") (memory $bytes) (realloc $realloc))))
