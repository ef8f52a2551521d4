;; A parent whose children end at once. Entries: `monitor` and `wait`, each with the number of children; `end`, a child.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (type $fields (record (field "pattern" u32) (field "from-host" bool) (field "message" string)))
    (export "received" (type $received (eq $fields)))
    (export "spawn" (func
      (param "entry" string) (param "args" string) (param "options" string) (result (result string (error string)))))
    (export "receive" (func
      (param "patterns" (list string)) (param "timeout-ms" (option u32))
      (result (result (option $received) (error string)))))))
  (import "greenroom:actor/lifecycle@0.1.0" (instance $lifecycle
    (export "wait" (func
      (param "actor" string) (param "timeout-ms" (option u32)) (result (result (option string) (error string)))))))

  ;; A module of its own, since the imports need it before the other module is there.
  (core module $memory
    (memory (export "memory") 1)
    ;; Texts, then at byte 64 what `run` returns: `ok` (0), the place and the length of `null`.
    (data (i32.const 16) "end[]{\22monitor\22:true}{}null")
    (data (i32.const 64) "\00\00\00\00\27\00\00\00\04\00\00\00")
    ;; The first free byte.
    (global $free (export "free") (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (global.get $free)
      (global.set $free (i32.add (global.get $free) (local.get $len)))))
  (core instance $memory (instantiate $memory))
  (core func $spawn (canon lower (func $host "spawn")
    (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $receive (canon lower (func $host "receive")
    (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $wait (canon lower (func $lifecycle "wait")
    (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core instance $imports
    (export "memory" (memory $memory "memory"))
    (export "free" (global $memory "free"))
    (export "spawn" (func $spawn))
    (export "receive" (func $receive))
    (export "wait" (func $wait)))

  (core module $module
    (import "imports" "memory" (memory 1))
    (import "imports" "free" (global $free (mut i32)))
    (import "imports" "spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32)))
    (import "imports" "receive" (func $receive (param i32 i32 i32 i32 i32)))
    (import "imports" "wait" (func $wait (param i32 i32 i32 i32 i32)))

    ;; The number in `[N]`.
    (func $number (param $at i32) (param $len i32) (result i32)
      (local $number i32) (local $digit i32)
      (loop $again
        (if (local.get $len) (then
          (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
          (if (i32.lt_u (local.get $digit) (i32.const 10)) (then
            (local.set $number (i32.add (i32.mul (local.get $number) (i32.const 10)) (local.get $digit)))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $len (i32.sub (local.get $len) (i32.const 1)))
          (br $again))))
      (local.get $number))

    ;; Each call's answer is at byte 128: 0 for ok, else the actor traps. Behind it an address has its place and length.
    (func $child (param $options i32) (param $options_len i32)
      (global.set $free (i32.const 1024))
      (call $spawn (i32.const 16) (i32.const 3) (i32.const 19) (i32.const 2)
        (local.get $options) (local.get $options_len) (i32.const 128))
      (if (i32.load8_u (i32.const 128)) (then (unreachable))))

    (func (export "run") (param $entry i32) (param $entry_len i32) (param $args i32) (param $args_len i32) (result i32)
      (local $left i32) (local $first i32)
      (local.set $first (i32.load8_u (local.get $entry)))
      ;; `e`: a child.
      (if (i32.eq (local.get $first) (i32.const 101)) (then (return (i32.const 64))))
      (local.set $left (call $number (local.get $args) (local.get $args_len)))
      (loop $again
        (if (local.get $left) (then
          ;; `w`
          (if (i32.eq (local.get $first) (i32.const 119))
            (then
              (call $child (i32.const 37) (i32.const 2))
              (call $wait (i32.load (i32.const 132)) (i32.load (i32.const 136)) (i32.const 0) (i32.const 0) (i32.const 128)))
            (else
              (call $child (i32.const 21) (i32.const 16))
              (call $receive (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 128))))
          (if (i32.load8_u (i32.const 128)) (then (unreachable)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $again))))
      (i32.const 64)))
  (core instance $instance (instantiate $module (with "imports" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $memory "memory"))
      (realloc (core func $memory "cabi_realloc")))))
