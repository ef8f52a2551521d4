;; Its memory is 1 GiB from the first moment on.
(component
  (core module $module
    (memory (export "memory") 16384)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (data (i32.const 32) "1")
    ;; Answers 1.
    (func $done (result i32)
      (i32.store (i32.const 20) (i32.const 32))
      (i32.store (i32.const 24) (i32.const 1))
      (i32.const 16))
    (func (export "run") (param i32 i32 i32 i32) (result i32) (call $done)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
