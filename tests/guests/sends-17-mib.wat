;; Sends itself a message of 17 MiB and returns what the node says. An SDK needs twice the memory to make one.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (export "curaddr" (func (result string)))
    (export "send" (func (param "to" string) (param "message" string) (result (result (error string)))))))
  ;; A module of its own for the memory, since the imports need it before what calls them is instantiated.
  (core module $memory
    (memory (export "memory") 512)
    (global $free (mut i32) (i32.const 0x1200000))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $len i32) (result i32)
      global.get $free
      global.get $free
      local.get $len
      i32.add
      global.set $free))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  (alias core export $memory "cabi_realloc" (core func $realloc))
  (core func $curaddr (canon lower (func $host "curaddr") (memory $bytes) (realloc $realloc)))
  (core func $send (canon lower (func $host "send") (memory $bytes) (realloc $realloc)))
  (core instance $imports (export "curaddr" (func $curaddr)) (export "send" (func $send)))
  (core module $module
    (import "memory" "memory" (memory 512))
    (import "host" "curaddr" (func $curaddr (param i32)))
    (import "host" "send" (func $send (param i32 i32 i32 i32 i32)))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (call $curaddr (i32.const 32))
      ;; The answer at byte 16 has the shape of run's own: a discriminant, and an error's place and length.
      (call $send
        (i32.load (i32.const 32)) (i32.load (i32.const 36))
        (i32.const 0x100000) (i32.const 0x1100000)
        (i32.const 16))
      (i32.const 16)))
  (core instance $instance
    (instantiate $module (with "memory" (instance $memory)) (with "host" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run") (memory $bytes) (realloc $realloc))))
