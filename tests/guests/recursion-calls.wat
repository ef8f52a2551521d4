;; Calls itself until the stack is used up, and on each level down the node, with the deepest JSON that it takes: a
;; message to itself (an array in 64), and options of a spawn and of a narrow which are read before they are refused.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (export "curaddr" (func (result string)))
    (export "send" (func (param "to" string) (param "message" string) (result (result (error string)))))
    (export "spawn" (func (param "entry" string) (param "args" string) (param "options" string)
      (result (result string (error string)))))))
  (import "greenroom:actor/rights@0.1.0" (instance $rights
    (export "narrow" (func (param "actor" string) (param "options" string) (result (result string (error string)))))))
  (core module $memory
    (memory (export "memory") 2)
    (data (i32.const 1024) "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")
    (data (i32.const 2048) "{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}")
    ;; Whatever the node answers may overwrite what it answered before.
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  (alias core export $memory "cabi_realloc" (core func $realloc))
  (core func $curaddr (canon lower (func $host "curaddr") (memory $bytes) (realloc $realloc)))
  (core func $send (canon lower (func $host "send") (memory $bytes) (realloc $realloc)))
  (core func $spawn (canon lower (func $host "spawn") (memory $bytes) (realloc $realloc)))
  (core func $narrow (canon lower (func $rights "narrow") (memory $bytes) (realloc $realloc)))
  (core instance $imports
    (export "curaddr" (func $curaddr)) (export "send" (func $send))
    (export "spawn" (func $spawn)) (export "narrow" (func $narrow)))
  (core module $module
    (import "memory" "memory" (memory 2))
    (import "host" "curaddr" (func $curaddr (param i32)))
    (import "host" "send" (func $send (param i32 i32 i32 i32 i32)))
    (import "host" "spawn" (func $spawn (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "narrow" (func $narrow (param i32 i32 i32 i32 i32)))
    (global $calls (mut i32) (i32.const 0))
    (func $deeper
      (call $send
        (i32.load (i32.const 32)) (i32.load (i32.const 36)) (i32.const 1024) (i32.const 128) (i32.const 16))
      (call $spawn
        (i32.const 1024) (i32.const 1) (i32.const 1024) (i32.const 128) (i32.const 2048) (i32.const 246) (i32.const 16))
      (call $narrow
        (i32.load (i32.const 32)) (i32.load (i32.const 36)) (i32.const 2048) (i32.const 246) (i32.const 16))
      (call $deeper)
      ;; So that the call above is none that reuses this frame.
      (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (call $curaddr (i32.const 32))
      (memory.copy (i32.const 512) (i32.load (i32.const 32)) (i32.load (i32.const 36)))
      (i32.store (i32.const 32) (i32.const 512))
      (call $deeper)
      (i32.const 16)))
  (core instance $instance
    (instantiate $module (with "memory" (instance $memory)) (with "host" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run") (memory $bytes) (realloc $realloc))))
