;; Calls itself until the stack is used up.
(component
  (core module $module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func $run (export "run") (param i32 i32 i32 i32) (result i32)
      (call $run (local.get 0) (local.get 1) (local.get 2) (local.get 3))))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
