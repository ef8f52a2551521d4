;; A component without `run`.
(component
  (core module $module (func (export "f")))
  (core instance $instance (instantiate $module))
  (func (export "walk") (canon lift (core func $instance "f"))))
