"""Pages and their JSON. A view reads its input, calls one verb and renders; rights come from `for_employee`."""
