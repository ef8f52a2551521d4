;; Makes ten thousand handles of a resource of its own.
(component
  (type $resource (resource (rep i32)))
  (core func $new (canon resource.new $resource))
  (core instance $imports (export "new" (func $new)))
  (core module $module
    (import "resource" "new" (func $new (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "run") (param i32 i32 i32 i32) (result i32)
      (local $made i32)
      (loop $more
        (drop (call $new (i32.const 1)))
        (local.set $made (i32.add (local.get $made) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $made) (i32.const 10000))))
      (unreachable)))
  (core instance $instance (instantiate $module (with "resource" (instance $imports))))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
