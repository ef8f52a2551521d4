;; Traps if its memory is not zero to begin with, after its page 0; then leaves a mark in all of it.
(component
  (core module $module
    (memory (export "memory") 3)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (data (i32.const 32) "1")
    ;; Answers 1.
    (func $done (result i32)
      (i32.store (i32.const 20) (i32.const 32))
      (i32.store (i32.const 24) (i32.const 1))
      (i32.const 16))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.const 65536))
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (unreachable)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 196608))))
      (memory.fill (i32.const 65536) (i32.const 165) (i32.const 131072))
      (call $done)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
