;; Asks for ten million elements of a table at once, which it must not get with 16 MiB of memory, then for as many as
;; there are, a thousand at a time.
(component
  (core module $module
    (memory (export "memory") 1)
    (table $table 1 funcref)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (data (i32.const 32) "1")
    ;; Answers 1.
    (func $done (result i32)
      (i32.store (i32.const 20) (i32.const 32))
      (i32.store (i32.const 24) (i32.const 1))
      (i32.const 16))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (if (i32.ne (table.grow $table (ref.null func) (i32.const 10000000)) (i32.const -1)) (then (unreachable)))
      (loop $more
        (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
      (call $done)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
