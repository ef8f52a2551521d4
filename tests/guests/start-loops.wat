;; Its start function logs a line and then never ends, so that its instance is never made.
(component
  (import "greenroom:actor/log@0.1.0" (instance $log
    (type $levels (enum "error" "warn" "info" "debug" "trace"))
    (export "level" (type $level (eq $levels)))
    (export "log" (func (param "level" $level) (param "line" string)))))
  ;; A memory of its own, since the line is read from it before the other module's start function has ended.
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 64) "has begun"))
  (core instance $memory (instantiate $memory))
  (core func $log (canon lower (func $log "log") (memory (core memory $memory "memory"))))
  (core instance $imports (export "log" (func $log)))
  (core module $module
    (import "host" "log" (func $log (param i32 i32 i32)))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "run") (param i32 i32 i32 i32) (result i32) (i32.const 16))
    (func $start
      (call $log (i32.const 2) (i32.const 64) (i32.const 9))
      (loop $again (br $again)))
    (start $start))
  (core instance $instance (instantiate $module (with "host" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $memory "memory"))
      (realloc (core func $instance "cabi_realloc")))))
