variable "name" { type = string }
variable "subnets" { type = number }

# The built-in provider, so that no cloud is needed.
resource "terraform_data" "subnet" {
  count = var.subnets
  input = "${var.name}-${count.index}"
}

output "names" { value = terraform_data.subnet[*].output }
