variable "name" {
  type = string
}

variable "ports" {
  type = list(string)
}

resource "terraform_data" "this" {
  input = { name = var.name, ports = var.ports }
}
