;; Traps if its memory is not zero to begin with, after its page 0, or where it grows; then writes to all of it. It grows
;; from 192 KiB to 320 KiB and to 4 MiB.
(component
  (core module $module
    (memory (export "memory") 3)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (data (i32.const 32) "1")
    ;; From the address to the end of memory.
    (func $check (param $at i32)
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $at) (i32.mul (memory.size) (i32.const 65536))))
          (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (unreachable)))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br $next))))
    ;; Writes to all before the growth, and looks at what came with it.
    (func $grow (param $pages i32)
      (local $end i32)
      (local.set $end (i32.mul (memory.size) (i32.const 65536)))
      (memory.fill (i32.const 65536) (i32.const 165) (i32.sub (local.get $end) (i32.const 65536)))
      (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (unreachable)))
      (call $check (local.get $end))
      (if (i32.ne (i32.load8_u (i32.sub (local.get $end) (i32.const 1))) (i32.const 165)) (then (unreachable))))
    (func $run (export "run") (param i32 i32 i32 i32) (result i32)
      (call $check (i32.const 65536))
      (call $grow (i32.const 2))
      (call $grow (i32.const 59))
      (call $grow (i32.const 0))
      (i32.store (i32.const 20) (i32.const 32))
      (i32.store (i32.const 24) (i32.const 1))
      (i32.const 16)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
