;; A child that tells the one it is given, `[{"$address":"…"}]`, its own address as a string, and waits.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (type $fields (record (field "pattern" u32) (field "from-host" bool) (field "message" string)))
    (export "received" (type $received (eq $fields)))
    (export "curaddr" (func (result string)))
    (export "send" (func (param "to" string) (param "message" string) (result (result (error string)))))
    (export "receive" (func
      (param "patterns" (list string)) (param "timeout-ms" (option u32))
      (result (result (option $received) (error string)))))))

  ;; A module of its own, since the imports need it before the other module is there.
  (core module $memory
    (memory (export "memory") 1)
    ;; At byte 64 what `run` returns: `ok` (0), the place and the length of `null`.
    (data (i32.const 16) "null")
    (data (i32.const 64) "\00\00\00\00\10\00\00\00\04\00\00\00")
    ;; The first free byte, with one before it for a quotation mark.
    (global $free (mut i32) (i32.const 1025))
    (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      (global.get $free)
      (global.set $free (i32.add (global.get $free) (i32.add (local.get $len) (i32.const 2))))))
  (core instance $memory (instantiate $memory))
  (core func $curaddr (canon lower (func $host "curaddr")
    (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $send (canon lower (func $host "send")
    (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $receive (canon lower (func $host "receive")
    (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core instance $imports
    (export "memory" (memory $memory "memory"))
    (export "curaddr" (func $curaddr))
    (export "send" (func $send))
    (export "receive" (func $receive)))

  (core module $module
    (import "imports" "memory" (memory 1))
    (import "imports" "curaddr" (func $curaddr (param i32)))
    (import "imports" "send" (func $send (param i32 i32 i32 i32 i32)))
    (import "imports" "receive" (func $receive (param i32 i32 i32 i32 i32)))

    ;; Each call's answer is at byte 128: of `curaddr` the place and length, of the others 0 for ok.
    (func (export "run") (param $entry i32) (param $entry_len i32) (param $args i32) (param $args_len i32) (result i32)
      (local $at i32) (local $len i32)
      (call $curaddr (i32.const 128))
      (local.set $at (i32.load (i32.const 128)))
      (local.set $len (i32.load (i32.const 132)))
      (i32.store8 (i32.sub (local.get $at) (i32.const 1)) (i32.const 34))
      (i32.store8 (i32.add (local.get $at) (local.get $len)) (i32.const 34))
      ;; The address stands between 14 bytes and 3.
      (call $send (i32.add (local.get $args) (i32.const 14)) (i32.sub (local.get $args_len) (i32.const 17))
        (i32.sub (local.get $at) (i32.const 1)) (i32.add (local.get $len) (i32.const 2)) (i32.const 128))
      (if (i32.load8_u (i32.const 128)) (then (unreachable)))
      (call $receive (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 128))
      (i32.const 64)))
  (core instance $instance (instantiate $module (with "imports" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $memory "memory"))
      (realloc (core func $memory "cabi_realloc")))))
