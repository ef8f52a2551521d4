;; Returns a text that is not UTF-8.
(component
  (core module $module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (data (i32.const 32) "\ff")
    (func $run (export "run") (param i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 20) (i32.const 32))
      (i32.store (i32.const 24) (i32.const 1))
      (i32.const 16)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
