;; Waits for a message in its start function: it never takes its arguments.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (type $record (record (field "pattern" u32) (field "from-host" bool) (field "message" string)))
    (export "received" (type $received (eq $record)))
    (export "receive" (func (param "patterns" (list string)) (param "timeout-ms" (option u32))
      (result (result (option $received) (error string)))))))
  (core module $memory
    (memory (export "memory") 0)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  (alias core export $memory "cabi_realloc" (core func $realloc))
  (core func $receive (canon lower (func $host "receive") (memory $bytes) (realloc $realloc)))
  (core instance $imports (export "receive" (func $receive)))
  (core module $module
    (import "host" "receive" (func $receive (param i32 i32 i32 i32 i32)))
    (func (export "run") (param i32 i32 i32 i32) (result i32) (i32.const 16))
    (func $start (call $receive (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (start $start))
  (core instance $instance (instantiate $module (with "host" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run") (memory $bytes) (realloc $realloc))))
