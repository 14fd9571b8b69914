variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "One public subnet in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group of the load balancer."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate of ACM that covers all host names of `routes`."
  type        = string
}

variable "routes" {
  description = "What is served: the host name, the port of the daemon, and that of its health checks."
  type = map(object({
    host     = string
    port     = number
    ops_port = number
    priority = number
  }))
}
