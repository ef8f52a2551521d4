;; The smallest actor: answers its arguments. Written by hand, to show what a language's tools make.
(component
  (core module $module
    (memory (export "memory") 1)
    ;; The first free byte. The node asks for room twice: for the entry's name and for the arguments.
    (global $free (mut i32) (i32.const 64))
    (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32) (result i32)
      global.get $free
      global.get $free
      local.get $len
      i32.add
      global.set $free)
    ;; result<string, string> at byte 16: the discriminant, which stays 0 for ok, then the text's place and length.
    (func (export "run") (param $entry i32) (param $entry_len i32) (param $args i32) (param $args_len i32) (result i32)
      (i32.store (i32.const 20) (local.get $args))
      (i32.store (i32.const 24) (local.get $args_len))
      (i32.const 16)))
  (core instance $instance (instantiate $module))
  (func (export "run") (param "entry" string) (param "args" string) (result (result string (error string)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory"))
      (realloc (core func $instance "cabi_realloc")))))
