;; Calls the node when it is asked where its arguments shall go, which the component model forbids.
(component
  (import "greenroom:actor/host@0.1.0" (instance $host
    (export "send" (func (param "to" string) (param "message" string) (result (result (error string)))))))
  (core module $memory (memory (export "memory") 1))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  ;; The node calls this one; what it does is known when the module below is.
  (core module $table
    (table (export "table") 1 funcref)
    (type $realloc (func (param i32 i32 i32 i32) (result i32)))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (call_indirect (type $realloc) (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 0))))
  (core instance $table (instantiate $table))
  (alias core export $table "cabi_realloc" (core func $realloc))
  (core func $send (canon lower (func $host "send") (memory $bytes) (realloc $realloc)))
  (core instance $imports (export "send" (func $send)))
  (core module $module
    (import "host" "send" (func $send (param i32 i32 i32 i32 i32)))
    (import "table" "table" (table 1 funcref))
    (elem (i32.const 0) func $sends)
    (func $sends (param i32 i32 i32 i32) (result i32)
      (call $send (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))
      (i32.const 1024))
    (func (export "run") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
  (core instance $instance
    (instantiate $module (with "host" (instance $imports)) (with "table" (instance $table))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run") (memory $bytes) (realloc $realloc))))
